"""``tracker timeline``."""

from __future__ import annotations

import click

from api.cli.failures import Command, echo_json
from api.cli.options import asked, database_option, json_option, load_settings
from api.cli.reading import ask_log


@click.command(cls=Command)
@click.argument("job", type=asked)
@json_option
@database_option
def timeline(job: str, as_json: bool, database: str | None) -> None:
    """Show the stages of a JOB along its time: how long each took, what was waited for, and its errors.

    Reads the log's file, also while a server or a program writes it. --json prints what GET /jobs/JOB/timeline answers.
    """
    from tracker.timeline_answer import timeline_answer
    from tracker.timeline_log import read_timeline
    from tracker.times import now

    found = ask_log(load_settings(database).database_url, lambda log: read_timeline(log, job))
    body = timeline_answer(found, now())
    if as_json:
        echo_json({"success": True, "timeline": body})
        return
    from api.cli.gantt import print_timeline

    print_timeline(found, body)
