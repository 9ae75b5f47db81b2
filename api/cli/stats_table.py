"""The statistics as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from api.cli import wording
from api.cli.terminal import output, plain

_NONE = "-"
_NAME = 28
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    text: Callable[[_Row], str]
    style: str = ""


def print_statistics(body: _Row) -> None:
    """Print everything in brief."""
    console = output()
    console.print(_window(body), style="dim")
    console.print()
    console.print(_jobs(body["jobs"], body["events"]))
    if body["stages"]:
        console.print()
        console.print(_table("Stage", "stage", _STAGE, body["stages"]))
    if body["errors"]["by_type"]:
        console.print()
        console.print(_table("Error", "error_type", _ERROR, body["errors"]["by_type"]))


def print_groups(body: _Row) -> None:
    """Print the groups."""
    console = output()
    console.print(_window(body), style="dim")
    if not body["groups"]:
        console.print("Nothing was recorded there.")
        return
    heading, columns = _GROUPS[body["group_by"]]
    console.print()
    console.print(_table(heading, body["group_by"], columns, body["groups"]))
    if body["left_out"]:
        console.print(f"{body['left_out']:,} more are not shown: narrow it with --since and --until.", style="dim")


def _window(body: _Row) -> str:
    since = "the beginning" if body["since"] is None else _hour(body["since"])
    until = "now" if body["until"] is None else _hour(body["until"])
    return f"From {since} until {until}: {wording.count(body['hours'], 'hour')}, up to event {body['position']:,}"


def _hour(iso: str) -> str:
    return wording.date_and_time(iso).removesuffix(":00")


def _jobs(jobs: _Row, events: _Row) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(
        Text("Jobs", style="bold"),
        Text.assemble(
            f"{jobs['started']:,} started, ",
            (f"{jobs['completed']:,} completed", "green"),
            ", ",
            (f"{jobs['failed']:,} failed", "red" if jobs["failed"] else ""),
            f" ({_percent(jobs['failure_share'])}), ",
            (f"{jobs['active']:,} active", "cyan"),
        ),
    )
    table.add_row("", f"{_number(jobs['finished_per_hour'])} finished an hour")
    if jobs["duration"] is not None:
        table.add_row("Duration", _spread(jobs["duration"]))
    table.add_row("Events", f"{events['recorded']:,} recorded, {_number(events['per_hour'])} an hour")
    return table


def _table(heading: str, field: str, columns: Sequence[_Column], rows: Sequence[_Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=_NAME)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True, style=column.style)
    for row in rows:
        name = row[field]
        shown = _hour(name) if field == "hour" else plain(name, _NAME)
        table.add_row(Text(shown), *[column.text(row) for column in columns])
    return table


def _spread(duration: _Row) -> str:
    return ", ".join(f"{name} {wording.duration(duration[name])}" for name in ("p50", "p90", "p99", "mean"))


def _took(name: str) -> _Column:
    def text(row: _Row) -> str:
        return _NONE if row["duration"] is None else wording.duration(row["duration"][name])

    return _Column(name, text)


def _count(heading: str, field: str) -> _Column:
    return _Column(heading, lambda row: f"{row[field]:,}")


def _part(heading: str, field: str) -> _Column:
    return _Column(heading, lambda row: _percent(row[field]))


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


_STAGE = (
    _count("Done", "completed"),
    _count("Errors", "errors"),
    _part("Time", "time_share"),
    _took("p50"),
    _took("p90"),
    _took("p99"),
)
_ERROR = (_count("Errors", "errors"), _part("Share", "share"))
_GROUPS: dict[str, tuple[str, Sequence[_Column]]] = {
    "stage": ("Stage", _STAGE),
    "status": ("Status", (_count("Jobs", "jobs"), _part("Share", "share"), *map(_took, ("p50", "p90", "p99")))),
    "hour": (
        "Hour",
        (
            _count("Started", "started"),
            _count("Done", "completed"),
            _count("Failed", "failed"),
            _part("Failures", "failure_share"),
            _count("Events", "events"),
            _count("Errors", "errors"),
        ),
    ),
    "error_type": ("Error", _ERROR),
}
