"""Results as a table for people, as JSON, and beside those of an earlier run. Pure but for the machine's name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tests.benchmarks.figure import Result

VERSION = 1
_LIBRARIES = ("sqlalchemy", "aiosqlite", "aiohttp", "msgspec")
_PEERS = ("eventsourcing", "websockets")
_TOLERANCE = 0.15


def machine() -> str:
    """What the figures were measured on, and with what."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in (*_LIBRARIES, *_PEERS))
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {_memory()}, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}"
    )


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # POSIX only
    except (AttributeError, ValueError):
        return "memory unknown"
    return f"{size / 2**30:.0f} GiB"


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """What ``--json`` writes and ``--compare`` reads."""
    return {"version": VERSION, "machine": machine(), "figures": list(map(_row, results))}


def _row(result: Result) -> dict[str, Any]:
    figure = result.figure
    return {
        "name": figure.name,
        "what": figure.what,
        "unit": figure.unit,
        "bound": figure.bound,
        "ours": result.ours,
        "yardstick": result.theirs,
        "ratio": result.ratio,
        "spread": list(result.spread),
        "reach": figure.reach,
        "reached": result.reached,
        "peak_bytes": result.peak_bytes,
    }


def table(results: Sequence[Result], rounds: int) -> Table:
    """The results, a row each."""
    rows = Table(title=f"{machine()}\nmedians of {rounds} interleaved rounds, the lowest and highest ratio in brackets")
    for heading in ("", "figure", "ours", "yardstick", "ratio", "reach", "peak memory"):
        rows.add_column(heading, overflow="fold")
    for result in results:
        figure = result.figure
        mark = "[green]reached[/]" if result.reached else "[red]not reached[/]"
        rows.add_row(
            figure.name,
            figure.what,
            f"{result.ours:,.1f} {figure.unit}",
            _yardstick(result),
            _ratio(result),
            f"{figure.bound} {figure.reach:g}\n{mark}",
            "" if result.peak_bytes is None else f"{result.peak_bytes / 2**20:,.0f} MiB",
        )
    return rows


def _yardstick(result: Result) -> str:
    named = f"[dim]{result.figure.yardstick}[/]"
    return named if result.theirs is None else f"{result.theirs:,.1f} {result.figure.unit}\n{named}"


def _ratio(result: Result) -> str:
    lowest, highest = result.spread
    if result.theirs is None:
        return f"[dim]({lowest:,.1f} to {highest:,.1f})[/]"
    return f"{result.ratio:.2f}\n[dim]({lowest:.2f} to {highest:.2f})[/]"


def slower(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """A line for each figure that is worse than it was by more than 15 %, and for what cannot be compared.

    Raises:
        ValueError: If ``old`` is not what this version writes.
    """
    if old.get("version") != VERSION:
        raise ValueError(f"The earlier results are of version {old.get('version')!r}; this is version {VERSION}.")
    before = {figure["name"] + figure["what"]: figure for figure in old["figures"]}
    return [
        f"{figure['name']} ({figure['what']}): {then['ratio']:.3g} before, {figure['ratio']:.3g} now"
        for figure in new["figures"]
        if (then := before.get(figure["name"] + figure["what"])) and _is_worse(then, figure)
    ]


def _is_worse(then: dict[str, Any], now: dict[str, Any]) -> bool:
    if now["bound"] == "at least":
        return bool(now["ratio"] < then["ratio"] * (1 - _TOLERANCE))
    return bool(now["ratio"] > then["ratio"] * (1 + _TOLERANCE))
