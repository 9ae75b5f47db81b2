"""``tracker show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.cli.failures import Command, echo_json
from api.cli.options import as_of_option, asked, database_option, json_option, load_settings
from api.cli.reading import ask_log, history_for
from api.cli.wording import as_it_was

if TYPE_CHECKING:
    from tracker.projection import Job
    from tracker.store.base import Reader
    from tracker.time_travel import Moment


@click.command(cls=Command)
@click.argument("job", type=asked)
@as_of_option
@json_option
@database_option
def show(job: str, as_of: str | None, as_json: bool, database: str | None) -> None:
    """Show one JOB in detail: as it is, or with --as-of as it was.

    Reads the log's file, also while a server or a program writes it. --json prints what GET /jobs/JOB answers.
    """
    from tracker import messages

    url = load_settings(database).database_url
    found, moment = ask_log(url, lambda log: _find(log, job, as_of))
    history = history_for(url, [found]) if as_of is None else None
    if as_json:
        position = {} if as_of is None else {"as_of": moment.position}
        echo_json({"success": True, "job_status": messages.status(found, moment.time, history), **position})
        return
    from api.cli.job_detail import print_job

    if as_of is not None:
        click.echo(as_it_was(moment.position, moment.time))
    print_job(found, moment.time, history)


async def _find(log: Reader, job_id: str, as_of: str | None) -> tuple[Job, Moment]:
    from tracker.job_query import read_as_of
    from tracker.time_travel import Moment, find_moment, job_at
    from tracker.times import now

    asked = read_as_of(as_of)
    if asked is None:
        job = await log.load_job(job_id)
        return job, Moment(job.position, now())
    moment = await find_moment(log, asked, now())
    return await job_at(log, job_id, moment.position), moment
