"""A timeline in the terminal: a row for each stage and for each wait, a bar along the job's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from api.cli import wording
from api.cli.terminal import output, plain
from tracker.timeline import MAX_TIMELINE_ERRORS, MAX_TIMELINE_STAGES, Gap, StageSpan, Timeline
from tracker.times import MICROSECONDS, iso

_NAME = 24
_NUMBERS = 8 + 2 + 5  # a duration, a gap, a share
_LEAST_BAR, _MOST_BAR = 6, 100
_LEAST_WAIT = 0.005  # of the job's time: shorter waits would be rows of nothing
_STYLES = {"completed": "green", "left": "yellow", "running": "cyan", "waiting": "dim"}


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    suffix: str
    state: str
    started_at: int
    ended_at: int
    duration: float
    share: float


@dataclass(frozen=True, slots=True)
class _Scale:
    """Cells of the terminal for times. ``marks``: what a cell in a stage, in a wait, of an error, and none is."""

    start: int
    end: int
    cells: int
    marks: dict[str, str]

    def cell(self, at: int) -> int:
        span = max(1, self.end - self.start)
        return min(self.cells - 1, max(0, (at - self.start) * self.cells // span))


def print_timeline(timeline: Timeline, body: dict[str, Any]) -> None:
    """Print it; ``body`` is its public one, of the same moment."""
    console = output()
    _print_head(console, timeline, body)
    rows = list(_rows(timeline, body))
    if not rows:
        console.print("No stage was reported.", style="dim")
    widest = max((cell_len(row.name + row.suffix) for row in rows), default=0)
    name_width = min(widest, _NAME, console.width // 3)
    # A line as wide as the terminal would wrap on Windows.
    room = console.width - name_width - _NUMBERS - 5
    scale = _Scale(
        timeline.started_at, _end(timeline, body), min(_MOST_BAR, max(_LEAST_BAR, room)), _marks(console.encoding)
    )
    for row in rows:
        console.print(_line(row, name_width, scale, timeline), soft_wrap=True)
    _print_legend(console, rows, scale.marks)
    _print_errors(console, timeline)


def _print_legend(console: Console, rows: list[_Row], marks: dict[str, str]) -> None:
    states = {row.state for row in rows}
    told = [text for state, text in (("running", "still runs"), ("left", "was not completed")) if state in states]
    if told:
        console.print(f"{marks['left']} {' or '.join(told)}", style="dim")


def _print_head(console: Console, timeline: Timeline, body: dict[str, Any]) -> None:
    verb = "for" if timeline.ended_at is None else "after"
    console.print(
        Text.assemble(
            (plain(timeline.job_id), "bold"), f"  {timeline.status} {verb} {wording.duration(body['elapsed_seconds'])}"
        ),
        soft_wrap=True,
    )
    started = wording.date_and_time(body["started_at"])
    events = wording.count(timeline.events, "event")
    console.print(
        f"from {started}, {events} at positions {timeline.first_position} to {timeline.last_position}",
        style="dim",
        soft_wrap=True,
    )
    if timeline.stage_count > MAX_TIMELINE_STAGES:
        console.print(f"The latest {MAX_TIMELINE_STAGES:,} of {timeline.stage_count:,} stages:", style="dim")


def _rows(timeline: Timeline, body: dict[str, Any]) -> Iterator[_Row]:
    """Stages and waits in the order of time."""
    end = _end(timeline, body)
    rows = [_stage_row(stage, shown, end) for stage, shown in zip(timeline.stages, body["stages"], strict=True)]
    for gap, shown in zip(timeline.gaps, body["gaps"], strict=True):
        if shown["share"] >= _LEAST_WAIT:
            rows.append(_wait_row(gap, shown, end))
    yield from sorted(rows, key=lambda row: row.started_at)


def _stage_row(stage: StageSpan, shown: dict[str, Any], end: int) -> _Row:
    state = "running" if stage.ended_at is None else "left" if stage.completed_at is None else "completed"
    suffix = "" if stage.occurrence == 1 else f" #{stage.occurrence}"
    ended_at = end if stage.ended_at is None else stage.ended_at
    return _Row(plain(stage.stage), suffix, state, stage.started_at, ended_at, shown["duration"], shown["share"])


def _wait_row(gap: Gap, shown: dict[str, Any], end: int) -> _Row:
    ended_at = end if gap.ended_at is None else gap.ended_at
    return _Row("(waiting)", "", "waiting", gap.started_at, ended_at, shown["duration"], shown["share"])


def _line(row: _Row, name_width: int, scale: _Scale, timeline: Timeline) -> Text:
    name = Text(row.name, style="dim" if row.state == "waiting" else "")
    if cell_len(row.name + row.suffix) > name_width:
        cut = "crop" if scale.marks["stage"] == "#" else "ellipsis"
        name.truncate(max(1, name_width - cell_len(row.suffix)), overflow=cut)  # type: ignore[arg-type]  # one of rich's
    name.append(row.suffix)
    name.pad_right(name_width - name.cell_len)
    took = f"  {wording.duration(row.duration):>8}  {round(100 * row.share):>3} %"
    return Text.assemble(name, "  ", _bar(row, scale, timeline), took)


def _bar(row: _Row, scale: _Scale, timeline: Timeline) -> Text:
    first = scale.cell(row.started_at)
    last = max(first, scale.cell(max(row.started_at, row.ended_at - 1)))
    mark = scale.marks["waiting" if row.state == "waiting" else "left" if row.state != "completed" else "stage"]
    cells = [mark if first <= index <= last else scale.marks["none"] for index in range(scale.cells)]
    errors = set()
    if row.state != "waiting":
        errors = {scale.cell(one.at) for one in timeline.errors if row.started_at <= one.at <= row.ended_at}
    for index in errors:
        cells[index] = "!"
    bar = Text("".join(cells))
    bar.stylize(_STYLES[row.state], first, last + 1)
    for index in errors:
        bar.stylize("bold red", index, index + 1)
    return bar


def _print_errors(console: Console, timeline: Timeline) -> None:
    if not timeline.errors:
        return
    kept = f" (the latest {MAX_TIMELINE_ERRORS:,})" if timeline.error_count > MAX_TIMELINE_ERRORS else ""
    console.print(f"\nErrors{kept}", style="bold")
    for error in timeline.errors:
        where = f" in {plain(error.stage)}" if error.stage else ""
        console.print(
            Text.assemble(
                f"  ! {wording.clock(iso(error.at))}  position {error.position}  ",
                (f"{plain(error.error_type)}{where}: ", "red"),
                plain(error.error_message),
            ),
            soft_wrap=True,
        )


def _end(timeline: Timeline, body: dict[str, Any]) -> int:
    if timeline.ended_at is not None:
        return timeline.ended_at
    return timeline.started_at + int(body["elapsed_seconds"] * MICROSECONDS)


def _marks(encoding: str) -> dict[str, str]:
    try:
        "█▒·".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return {"stage": "#", "left": "=", "waiting": "-", "none": "."}
    return {"stage": "█", "left": "▒", "waiting": "─", "none": "·"}
