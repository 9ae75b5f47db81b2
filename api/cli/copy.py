"""``tracker copy``."""

from __future__ import annotations

import sys

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_url, json_option, log_path


@click.command("copy", cls=Command, short_help="Copy the log into another database.")
@click.option("--from", "source", required=True, metavar="URL", help="The log: a file, or a database URL.")
@click.option("--to", "target", required=True, metavar="URL", help="Where it goes: a database without events.")
@json_option
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy the log into another database, from SQLite to PostgreSQL or back.

    Positions, epoch, jobs and pruned jobs stay as they are, so clients go on with their cursors. A copy that was cut
    short goes on where it was when the command is run again. At the end both logs are read and compared. Stop what
    reports to the log first: what it gets after the beginning is not in the copy.
    """
    from tracker.copying import copy_log

    is_watched = sys.stderr.isatty() and not as_json
    with click.progressbar(length=0, label="Copying", file=sys.stderr, hidden=not is_watched) as bar:

        def tell(reached: int, end: int) -> None:
            bar.length = end
            bar.update(reached - bar.pos)

        done = copy_log(database_url(source), database_url(target), tell)
    place = log_path(database_url(target))
    if as_json:
        counts = {"events": done.events, "resumed": done.resumed, "pruned_jobs": done.pruned_jobs}
        ends = {"position": done.head.position, "epoch": done.head.epoch, "sha256": done.sha256}
        echo_json({"success": True, **counts, **ends})
    else:
        resumed = f", {done.resumed:,} of them before" if done.resumed else ""
        click.echo(f"Copied {wording.count(done.events, 'event')} to {place}{resumed}. Both logs are the same:")
        click.echo(f"  sha256 of the export  {done.sha256}")
