"""``tracker prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings
from api.cli.reading import ask_log, demand_log

if TYPE_CHECKING:
    from tracker.projection import Job
    from tracker.settings import Settings

_MOST_LISTED = 10_000
_SHOWN = 20
_LONGEST_SECONDS = 1e10


@click.command(cls=Command)
@click.option("--keep-for", metavar="TIME", help="Keep jobs this long after their end: 12h, 7d, 2w.  [default: 30d]")
@click.option("--dry-run", is_flag=True, help="Say what would go, also beside a server. Nothing is removed.")
@click.option("--trust-clock", is_flag=True, help="Also when the clock seems wrong.")
@json_option
@database_option
def prune(keep_for: str | None, dry_run: bool, trust_clock: bool, as_json: bool, database: str | None) -> None:
    """Remove jobs that finished long ago, with their events.

    Unfinished jobs stay, whatever their age. A server does the same by itself, with TRACKER_KEEP_FOR_SECONDS (30 days
    where it is not set).

    If the clock says that nothing was recorded for 90 days, it may be wrong: nothing is removed then, unless you trust
    it.
    """
    settings = load_settings(database, keep_for_seconds=keep_for)
    _check(settings.keep_for_seconds)
    if dry_run:
        _foresee(settings, as_json)
    else:
        _prune(settings, trust_clock, as_json)


def _check(keep_for: float) -> None:
    from tracker.errors import InvalidSetting

    if keep_for >= _LONGEST_SECONDS:
        raise InvalidSetting("keep_for_seconds", keep_for, "is longer than any log")


def _prune(settings: Settings, trusts_clock: bool, as_json: bool) -> None:
    from tracker.runtime import Tracker

    demand_log(settings.database_url)
    with Tracker(settings) as tracker:
        pruned = tracker.retention.prune_due(trusts_clock=trusts_clock)
    if as_json:
        echo_json({"success": True, "dry_run": False, "pruned_jobs": pruned.jobs, "pruned_events": pruned.events})
    elif pruned.jobs or pruned.events:
        removed = f"{wording.count(pruned.jobs, 'job')} and {wording.count(pruned.events, 'event')}"
        click.echo(f"Removed {removed}, {_why(settings)}.")
    else:
        click.echo(f"Nothing to remove: no job {_why(settings)}.")


def _foresee(settings: Settings, as_json: bool) -> None:
    from tracker.retention import RetentionPolicy
    from tracker.times import now

    before = RetentionPolicy(keep_for_seconds=settings.keep_for_seconds).finished_before(now())
    due = ask_log(settings.database_url, lambda log: log.prunable_jobs(before, _MOST_LISTED + 1))
    jobs, is_more = due[:_MOST_LISTED], len(due) > _MOST_LISTED
    events = sum(job.sequence for job in jobs)
    if as_json:
        ids = [job.job_id for job in jobs]
        body = {"success": True, "dry_run": True, "pruned_jobs": len(jobs), "pruned_events": events, "job_ids": ids}
        echo_json({**body, "more": True} if is_more else body)
    elif jobs:
        _list(jobs)
        least = "more than " if is_more else ""
        would = f"{wording.count(len(jobs), 'job')} and {wording.count(events, 'event')}"
        click.echo(f"Would remove {least}{would}, {_why(settings)}.")
    else:
        click.echo(f"Nothing to remove: no job {_why(settings)}.")


def _list(jobs: list[Job]) -> None:
    from tracker.times import iso

    width = max(len(job.job_id) for job in jobs[:_SHOWN])
    for job in jobs[:_SHOWN]:
        ended = wording.date_and_time(iso(job.completed_at or job.updated_at))
        click.echo(f"{job.job_id:{width}}  {job.status:9}  ended {ended}  {wording.count(job.sequence, 'event')}")
    if len(jobs) > _SHOWN:
        click.echo(f"… and {len(jobs) - _SHOWN:,} more")


def _why(settings: Settings) -> str:
    return f"finished more than {wording.span(settings.keep_for_seconds)} ago"
