"""``tracker rebuild``."""

from __future__ import annotations

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.reading import demand_log


@click.command(cls=Command)
@json_option
@database_option
def rebuild(as_json: bool, database: str | None) -> None:
    """Work out the state of every job anew from the events of the log.

    The events are the truth and stay as they are; what is shown of the jobs follows from them. Not beside a server.
    """
    from tracker.runtime import Tracker

    settings = load_settings(database)
    demand_log(settings.database_url)
    with Tracker(settings) as tracker:
        jobs = tracker.recorder.ask(lambda log: log.rebuild())
    if as_json:
        echo_json({"success": True, "jobs": jobs})
    else:
        click.echo(f"Rebuilt {wording.count(jobs, 'job')} from the events in {log_path(settings.database_url)}.")
