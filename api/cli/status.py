"""``tracker status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.reading import ask_log

if TYPE_CHECKING:
    from tracker.projection import Job, JobStatus
    from tracker.store.base import Reader

_FOR_PEOPLE, _FOR_PROGRAMS, _MOST = 20, 100, 1000


@click.command(cls=Command)
@click.argument("job", required=False)
@click.option("--status", type=click.Choice(["active", "completed", "failed"]), help="Only these jobs.")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), metavar="N", help="How many jobs: 20, with --json 100, at most 1000."
)
@click.option("--cursor", type=click.IntRange(0), metavar="N", help="Go on behind this cursor of the page before.")
@click.option("--all", "is_all", is_flag=True, help="Every job.")
@json_option
@database_option
def status(
    job: str | None,
    status: JobStatus | None,
    limit: int | None,
    cursor: int | None,
    is_all: bool,
    as_json: bool,
    database: str | None,
) -> None:
    """Show the jobs of the log, newest first, or one JOB in detail.

    Reads the log's file, also while a server or a program writes it. --json prints what GET /jobs and GET /jobs/JOB
    answer.
    """
    if job is not None and (status or limit or cursor is not None or is_all):
        raise click.UsageError("JOB is one job: --status, --limit, --cursor and --all are for the list.")
    if is_all and (limit or cursor is not None):
        raise click.UsageError("--all shows every job: leave out --limit and --cursor.")
    url = load_settings(database).database_url
    if job is not None:
        _show_job(url, job, as_json)
        return
    size = limit or (_FOR_PROGRAMS if as_json else _FOR_PEOPLE)
    jobs, following = ask_log(url, lambda log: _all(log, status) if is_all else _page(log, status, cursor, size))
    _show_jobs(jobs, following, as_json, _nothing(url, status, cursor))


async def _page(log: Reader, status: JobStatus | None, before: int | None, size: int) -> tuple[list[Job], int | None]:
    found = await log.list_jobs(status, before, size + 1)
    return found[:size], found[size - 1].started_position if len(found) > size else None


async def _all(log: Reader, status: JobStatus | None) -> tuple[list[Job], int | None]:
    jobs, cursor = await _page(log, status, None, _MOST)
    while cursor is not None:
        page, cursor = await _page(log, status, cursor, _MOST)
        jobs += page
    return jobs, None


def _show_jobs(jobs: list[Job], following: int | None, as_json: bool, nothing: str) -> None:
    from tracker import messages
    from tracker.times import now

    if as_json:
        at = now()
        body: dict[str, Any] = {"success": True, "jobs": [messages.status(job, at) for job in jobs]}
        echo_json(body if following is None else {**body, "cursor": str(following)})
        return
    if not jobs:
        click.echo(nothing)
        return
    from api.cli.job_table import print_jobs

    print_jobs(jobs, now())
    if following is not None:
        click.echo(f"Older ones: --cursor {following}, --limit N or --all.")


def _show_job(url: str, job_id: str, as_json: bool) -> None:
    from tracker import messages
    from tracker.times import now

    job = ask_log(url, lambda log: log.load_job(job_id))
    if as_json:
        echo_json({"success": True, "job_status": messages.status(job, now())})
        return
    from api.cli.job_detail import print_job

    print_job(job, now())


def _nothing(url: str, status: JobStatus | None, cursor: int | None) -> str:
    if cursor is not None:
        return "No older jobs."
    if status is not None:
        return f"No {status} jobs in {log_path(url)}."
    return f"No jobs in {log_path(url)} yet: `tracker demo` makes some."
