"""``tracker status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.cli.failures import Command, echo_json
from api.cli.options import as_of_option, asked, database_option, json_option, load_settings, log_path
from api.cli.reading import ask_log, history_for
from api.cli.wording import as_it_was

if TYPE_CHECKING:
    from tracker.eta import History
    from tracker.job_pages import Page, PageQuery
    from tracker.store.base import Reader

_FOR_PEOPLE, _FOR_PROGRAMS, _MOST = 20, 100, 1000


@click.command(cls=Command)
@click.argument("job", required=False, type=asked)
@click.option("--status", type=click.Choice(["active", "completed", "failed"]), help="Only these jobs.")
@click.option("--stage", metavar="STAGE", type=asked, help="Only jobs whose current stage is this.")
@click.option("--photo-id", metavar="ID", type=asked, help="Only jobs of this photo.")
@click.option("--since", metavar="TIME", help="Only jobs that started then or later: 2025-11-09T10:30:00Z.")
@click.option("--until", metavar="TIME", help="Only jobs that started before.")
@click.option(
    "--query", "q", metavar="TEXT", type=asked, help="In the id, file name, message or an error; in any case."
)
@click.option("--error-type", metavar="TYPE", help="Only jobs that reported an error of this type.")
@click.option("--sort", metavar="ORDER", help="started, updated, completed or duration; with a minus descending.")
@as_of_option
@click.option(
    "--limit", type=click.IntRange(1, _MOST), metavar="N", help="How many jobs: 20, with --json 100, at most 1000."
)
@click.option("--cursor", metavar="CURSOR", help="Go on behind this cursor of the page before.")
@click.option("--all", "is_all", is_flag=True, help="Every job.")
@json_option
@database_option
def status(
    job: str | None,
    as_of: str | None,
    limit: int | None,
    cursor: str | None,
    is_all: bool,
    as_json: bool,
    database: str | None,
    **filters: str | None,
) -> None:
    """Show the jobs of the log, newest first, or one JOB in detail.

    Reads the log's file, also while a server or a program writes it. --json prints what GET /jobs and GET /jobs/JOB
    answer.
    """
    is_list = any(value is not None for value in (as_of, limit, cursor, *filters.values())) or is_all
    if job is not None and is_list:
        raise click.UsageError("JOB is one job: filters, --as-of, --limit, --cursor and --all are for the list.")
    if is_all and (limit or cursor is not None):
        raise click.UsageError("--all shows every job: leave out --limit and --cursor.")
    url = load_settings(database).database_url
    if job is not None:
        _show_job(url, job, as_json)
        return
    size = _MOST if is_all else limit or (_FOR_PROGRAMS if as_json else _FOR_PEOPLE)
    query = _query(filters, as_of, size, cursor)
    page = ask_log(url, lambda log: _read(log, query, is_all))
    history = history_for(url, page.jobs) if as_json and as_of is None else None
    _show_jobs(page, history, as_json, query.jobs.sort == "-started", _nothing(url, query))


def _query(filters: dict[str, str | None], as_of: str | None, size: int, cursor: str | None) -> PageQuery:
    from tracker.job_pages import bind
    from tracker.job_query import read_as_of, read_query

    return bind(read_query(**filters), size, cursor=cursor, as_of=read_as_of(as_of))


async def _read(log: Reader, query: PageQuery, is_all: bool) -> Page:
    from msgspec.structs import replace

    from tracker.job_pages import bind, find_page
    from tracker.times import now

    page = await find_page(log, query, now())
    while is_all and page.cursor is not None:
        following = bind(query.jobs, query.limit, cursor=page.cursor, as_of=query.as_of)
        more = await find_page(log, following, now())
        page = replace(more, jobs=page.jobs + more.jobs)
    return page


def _show_jobs(page: Page, history: History | None, as_json: bool, is_newest_first: bool, nothing: str) -> None:
    from tracker import messages

    if as_json:
        shown = [messages.status(job, page.time, history) for job in page.jobs]
        echo_json({"success": True, "jobs": shown, **page.fields()})
        return
    if not page.jobs:
        click.echo(nothing)
        return
    from api.cli.job_table import print_jobs

    if page.as_of is not None:
        click.echo(as_it_was(page.as_of, page.time))
    print_jobs(page.jobs, page.time)
    if page.cursor is not None:
        further = "Older ones" if is_newest_first else "More"
        click.echo(f"{further}: --cursor {page.cursor}, --limit N or --all.")


def _show_job(url: str, job_id: str, as_json: bool) -> None:
    from tracker import messages
    from tracker.times import now

    job = ask_log(url, lambda log: log.load_job(job_id))
    history = history_for(url, [job])
    if as_json:
        echo_json({"success": True, "job_status": messages.status(job, now(), history)})
        return
    from api.cli.job_detail import print_job

    print_job(job, now(), history)


def _nothing(url: str, query: PageQuery) -> str:
    if query.after is not None:
        return "No older jobs." if query.jobs.sort == "-started" else "No more jobs."
    if query.jobs.is_filtered or query.as_of is not None:
        return f"No such jobs in {log_path(url)}."
    return f"No jobs in {log_path(url)} yet: `tracker demo` makes some."
