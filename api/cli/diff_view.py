"""A comparison of two jobs in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli import wording
from api.cli.terminal import output, plain

_NAME, _VALUE, _MOST_SHOWN = 32, 60, 20


def print_diff(body: dict[str, Any]) -> None:
    """Print it; ``body`` is the public one."""
    console = output()
    for name in ("a", "b"):
        console.print(_side(name, body[name]), soft_wrap=True)
    console.print()
    console.print(_stages(body))
    if body["divergence"] is not None:
        _print_divergence(console, body["divergence"], same=body["same"])
        _print_differences(console, body)
        _print_errors(console, body["errors"])


def _side(name: str, side: dict[str, Any]) -> Text:
    took = wording.duration(side["elapsed_seconds"])
    if side["job_id"] is None:
        return Text.assemble((f"{name}  ", "bold"), f"the median of {wording.count(side['jobs'], 'job')}  {took}")
    started = wording.date_and_time(side["started_at"])
    told = f"  {side['status']} after {took}" if side["status"] != "active" else f"  active for {took}"
    return Text.assemble((f"{name}  {plain(side['job_id'])}", "bold"), told, (f", from {started}", "dim"))


def _stages(body: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Stage", max_width=_NAME, no_wrap=True, overflow="ellipsis")
    for heading in ("a", "b", "b - a"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in body["stages"]:
        name = row["stage"] if row["occurrence"] == 1 else f"{row['stage']} #{row['occurrence']}"
        table.add_row(
            Text(plain(name)), _seconds(row["a"]), _seconds(row["b"]), _change(row["difference"], row["a"], _alone(row))
        )
    sides = body["a"]["elapsed_seconds"], body["b"]["elapsed_seconds"]
    table.add_row(Text("whole job", style="bold"), *map(_seconds, sides), _change(body["difference"], sides[0]))
    return table


def _alone(row: dict[str, Any]) -> str:
    return "a" if row["b"] is None else "b"


def _seconds(value: float | None) -> Text:
    return Text("-", style="dim") if value is None else Text(wording.duration(value))


def _change(difference: float | None, base: float | None, alone: str = "") -> Text:
    if difference is None:
        return Text(f"only {alone}", style="dim")
    share = f" ({difference / base:+.0%})" if base else ""
    sign = "-" if difference < 0 else "+"
    # Colour where it matters: a tenth slower, a tenth faster.
    style = "" if not base or abs(difference) < base / 10 else "red" if difference > 0 else "green"
    return Text(f"{sign}{wording.duration(abs(difference))}{share}", style=style)


def _print_divergence(console: Console, divergence: dict[str, Any], *, same: bool) -> None:
    if same:
        console.print("\nBoth say the same, event for event.")
        return
    turn, content = divergence["turn"], divergence["content"]
    if turn is None:
        console.print("\nBoth took the same course.")
    else:
        _print_parting(console, "They take another course at", turn)
    if content is not None and content != turn:
        _print_parting(console, "The first events that differ at all", content)


def _print_parting(console: Console, title: str, parting: dict[str, Any]) -> None:
    console.print(f"\n{title}", style="bold")
    for name in ("a", "b"):
        console.print(Text.assemble((f"  {name}  ", "bold"), _event(parting[name])), soft_wrap=True)
    _print_values(console, parting["differs"][:_MOST_SHOWN])


def _event(event: dict[str, Any] | None) -> str:
    if event is None:
        return "has no more events"
    stage = f" in {plain(event['stage'])}" if event["stage"] else ""
    at = wording.clock(event["timestamp"])
    return f"{event['type']}{stage}  event {event['sequence']:,}, position {event['position']}, {at}"


def _print_differences(console: Console, body: dict[str, Any]) -> None:
    found = body["differences"]
    if not found:
        return
    is_cut = body["has_more_differences"] or len(found) > _MOST_SHOWN
    console.print(f"\nDetails and results that differ{' (the first)' if is_cut else ''}", style="bold")
    _print_values(console, found[:_MOST_SHOWN])


def _print_values(console: Console, found: list[dict[str, Any]]) -> None:
    for one in found:
        values = [(name, _shown(one[name])) for name in ("a", "b")]
        line = Text.assemble(f"  {plain(one['path'], 80)}  ", *[(f" {name} {value} ", "dim") for name, value in values])
        console.print(line, soft_wrap=True)


def _print_errors(console: Console, errors: dict[str, Any]) -> None:
    for name in ("a", "b"):
        if not errors[name]:
            continue
        console.print(f"\nErrors of {name} alone", style="bold")
        for error in errors[name]:
            where = f" in {plain(error['stage'])}" if error["stage"] else ""
            what = f"{plain(error['error_type'])}{where}: "
            line = Text.assemble(f"  position {error['position']}  ", (what, "red"), plain(error["error_message"]))
            console.print(line, soft_wrap=True)


def _shown(value: object) -> str:
    from api.wire import encode_text

    return plain(encode_text(value), _VALUE)
