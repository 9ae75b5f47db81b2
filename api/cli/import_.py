"""``tracker import``."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path


@click.command("import", cls=Command, short_help="Make a log of an exported file.")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@database_option
def import_(file: Path, as_json: bool, database: str | None) -> None:
    """Make a log of a FILE that `tracker export` wrote: a new one, or one that has no events yet.

    Every line is checked first; of a damaged file nothing is taken. The export of a whole log gives the same log
    again. That of some jobs, of a window or with redacted values is a log of its own, to look at.
    """
    from tracker.importing import import_file

    url = load_settings(database).database_url
    done = import_file(file, url)
    if as_json:
        counts = {"events": done.events, "pruned_jobs": done.pruned_jobs, "whole": done.whole}
        echo_json({"success": True, **counts, "position": done.head.position, "epoch": done.head.epoch})
    else:
        part = "" if done.whole else ", a part of another log"
        click.echo(f"Imported {wording.count(done.events, 'event')} into {log_path(url)}{part}.")
