"""``tracker new-epoch``."""

from __future__ import annotations

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.reading import demand_log


@click.command(cls=Command, name="new-epoch", short_help="Have every client begin anew: the log went back in time.")
@json_option
@database_option
def new_epoch(as_json: bool, database: str | None) -> None:
    """Say that the log is not the one that clients know.

    For a log that lost its latest events: an older copy or a snapshot of the disk in its place, or a standby that was
    promoted without them. Clients come back with cursors that mean other events now; with another epoch each is told
    `reset`, and begins anew. Events and jobs stay as they are. A SQLite log must not be served
    meanwhile; on PostgreSQL the nodes take the epoch up within a second.
    """
    from tracker.runtime import Tracker

    settings = load_settings(database)
    demand_log(settings.database_url)
    with Tracker(settings) as tracker:
        head = tracker.recorder.ask(lambda log: log.begin_epoch())
    if as_json:
        echo_json({"success": True, "epoch": head.epoch, "position": head.position})
    else:
        click.echo(
            f"The log in {log_path(settings.database_url)} has the epoch {head.epoch}; every client begins anew."
        )
