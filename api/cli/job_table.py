"""Jobs as a table: the columns that the terminal has room for, an id never cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from api.cli import wording
from api.cli.terminal import output, plain
from tracker.projection import Job, JobStatus, elapsed_seconds

STYLES: dict[JobStatus, str] = {"active": "cyan", "completed": "green", "failed": "red"}
_BAR = 10
_GAP = 2
_PHOTO, _LEAST_MESSAGE = 24, 16


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of texts. Those of lower ``rank`` stay when the terminal is narrow."""

    heading: str
    rank: int
    text: Callable[[Job], str]
    is_number: bool = False

    def width(self, jobs: Sequence[Job]) -> int:
        return max(cell_len(self.heading), *(cell_len(self.text(job)) for job in jobs))


def print_jobs(jobs: Sequence[Job], now: int) -> None:
    """Print them, and how many of each status there are. ``now`` in microseconds UTC; at least one job."""
    console = output()
    console.print(_table(jobs, now, console.width))
    counts = Counter(job.status for job in jobs)
    told = ", ".join(f"{counts[status]:,} {status}" for status in STYLES if counts[status])
    console.print(f"{wording.count(len(jobs), 'job')}: {told}", style="dim")


def photo_name(job: Job) -> str:
    """The name of the photo's file, else its id, else nothing."""
    name = job.photo_info.get("file_name")
    if name:
        return plain(name, _PHOTO)
    return "" if job.photo_id is None else f"photo {plain(job.photo_id, _PHOTO - 6)}"


def bar(job: Job, width: int = _BAR) -> ProgressBar:
    """How far the job is."""
    style = STYLES[job.status]
    return ProgressBar(100, job.progress, width, complete_style=style, finished_style=style)


def last_message(job: Job) -> str:
    """What the job said last: of a failed one, its last error."""
    if job.status == "failed" and job.errors:
        return plain(job.errors[-1].error_message)
    return plain(job.message)


def stage_shown(job: Job) -> str:
    """The stage of an active job; of a failed one, that of its last error."""
    if job.status == "failed" and job.errors:
        return job.errors[-1].stage or ""
    return job.current_stage if job.status == "active" else ""


def _table(jobs: Sequence[Job], now: int, width: int) -> Table:
    columns, left = _fitting(jobs, now, width)
    message = left - _GAP if left - _GAP >= _LEAST_MESSAGE and any(map(last_message, jobs)) else 0
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        justify = "right" if column.is_number else "left"
        table.add_column(column.heading, justify=justify, no_wrap=column.rank > 0, overflow="fold")  # type: ignore[arg-type]
        if column.heading == "Status":
            table.add_column("Progress", width=_BAR)
    if message:
        table.add_column("Message", no_wrap=True, overflow="ellipsis", max_width=message)
    for job in jobs:
        table.add_row(*_cells(job, columns), *([Text(last_message(job), style="dim")] if message else []))
    return table


def _cells(job: Job, columns: Sequence[_Column]) -> list[Text | ProgressBar]:
    cells: list[Text | ProgressBar] = []
    for column in columns:
        is_status = column.heading == "Status"
        cells.append(Text(column.text(job), style=STYLES[job.status] if is_status else ""))
        if is_status:
            cells.append(bar(job))
    return cells


def _fitting(jobs: Sequence[Job], now: int, width: int) -> tuple[list[_Column], int]:
    """The columns that fit, in their order, and how many columns of the terminal are left."""
    columns = [
        _Column("Job", 0, lambda job: job.job_id),
        _Column("Photo", 4, photo_name),
        _Column("Status", 1, lambda job: job.status),
        _Column("", 1, lambda job: wording.percent(job.progress), is_number=True),
        _Column("Stage", 2, stage_shown),
        _Column("Elapsed", 3, lambda job: wording.duration(elapsed_seconds(job, now)), is_number=True),
    ]
    left = width - _BAR
    kept: list[_Column] = []
    for column in sorted(columns, key=lambda column: column.rank):
        needed = column.width(jobs) + _GAP
        is_empty = column.heading and not any(column.text(job) for job in jobs)
        if column.rank <= 1 or (needed <= left and not is_empty):
            kept.append(column)
            left -= needed
    return [column for column in columns if column in kept], left
