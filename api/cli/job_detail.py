"""One job in detail: what it is, its stages and how long each took, what went wrong, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli import wording
from api.cli.job_table import STYLES, bar, photo_name
from api.cli.terminal import output, plain
from tracker.eta import Estimate, History
from tracker.projection import MAX_KEPT, Job, elapsed_seconds
from tracker.times import iso

_BAR = 30
_TOOK = 7
_VALUE = 300


def print_job(job: Job, now: int, history: History | None = None) -> None:
    """Print it. ``now`` in microseconds UTC; ``history``: to say how long it will still take."""
    console = output()
    console.print(Text(job.job_id, style="bold"), soft_wrap=True)
    _print_rows(console, _facts(job, now, history))
    if job.stages_completed:
        _head(console, "Stages", len(job.stages_completed))
        _print_stages(console, job)
    if job.errors:
        _head(console, "Errors", len(job.errors))
        for error in job.errors:
            where = f" in {error.stage}" if error.stage else ""
            what = f"{error.error_type}{where}: "
            at = wording.clock(iso(error.occurred_at))
            console.print(Text.assemble(f"  {at}  ", (what, "red"), plain(error.error_message)), soft_wrap=True)
    if job.result:
        _head(console, "Result")
        _print_rows(console, ((name, Text(_shown(value))) for name, value in job.result.items()))


def _facts(job: Job, now: int, history: History | None) -> Iterator[tuple[str, Any]]:
    if photo := photo_name(job):
        yield "photo", Text(photo)
    took = wording.duration(elapsed_seconds(job, now))
    yield (
        "status",
        Text(job.status, style=STYLES[job.status]).append(
            f" for {took}" if job.completed_at is None else f" after {took}", style="default"
        ),
    )
    if job.status == "active":
        yield "stage", Text(job.current_stage)
    progress = Table.grid(padding=(0, 1, 0, 0))
    progress.add_row(bar(job, _BAR), wording.percent(job.progress))
    yield "progress", progress
    told = history.estimate(job, now) if history is not None else None
    if isinstance(told, Estimate):
        p50, p90 = wording.duration(told.p50), wording.duration(told.p90)
        yield "left", Text(f"about {p50}, nine of ten times at most {p90} (from {wording.count(told.jobs, 'job')})")
    if job.message:
        yield "message", Text(plain(job.message))
    yield "started", Text(wording.date_and_time(iso(job.started_at)))
    if job.completed_at is not None:
        yield "ended", Text(wording.date_and_time(iso(job.completed_at)))
    else:
        yield "updated", Text(wording.date_and_time(iso(job.updated_at)))
    yield "events", Text(f"{job.sequence:,}, the last at position {job.position}")


def _print_stages(console: Console, job: Job) -> None:
    width = max(len(done.stage) for done in job.stages_completed)
    before = job.started_at if len(job.stages_completed) < MAX_KEPT else None
    for done in job.stages_completed:
        # A stage begins where the one before it ended; where that is no longer kept, nobody knows.
        took = "" if before is None else wording.duration(max(0, done.completed_at - before) / 1_000_000)
        line = Text.assemble(f"  {done.stage:{width}}  {took:>{_TOOK}}  ", (plain(_pairs(done.result), _VALUE), "dim"))
        line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True)
        before = done.completed_at


def _head(console: Console, title: str, number: int = 0) -> None:
    kept = f" (the latest {MAX_KEPT})" if number == MAX_KEPT else ""
    console.print(f"\n{title}{kept}", style="bold")


def _print_rows(console: Console, rows: Iterator[tuple[str, Any]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(f"  {plain(name, 40)}"), value)
    console.print(table)


def _pairs(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in result.items())


def _shown(value: object) -> str:
    from api.wire import encode_text

    return plain(value if isinstance(value, str) else encode_text(value), _VALUE)
