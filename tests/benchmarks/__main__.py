"""``make bench``: every figure against its yardstick, in one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    delivery,
    exporting,
    history,
    insight,
    queries,
    rebuilding,
    recording,
    remote,
    replaying,
)
from tests.benchmarks.figure import Result, measure

_FIGURES = [
    *recording.FIGURES,
    *remote.FIGURES,
    *delivery.FIGURES,
    *replaying.FIGURES,
    *insight.FIGURES,
    *history.FIGURES,
    *exporting.FIGURES,
    *queries.FIGURES,
    *rebuilding.FIGURES,
]


def main() -> None:
    """Measure, print, and exit 0: a figure that is not reached is said, not hidden."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("figures", nargs="*", help="names of figures, P1 P2 …; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds a figure (default 5)")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    options = parser.parse_args()
    chosen = [figure for figure in _FIGURES if not options.figures or figure.name in options.figures]
    with tempfile.TemporaryDirectory(prefix="jobreel-bench-") as folder:
        results = [measure(figure, Path(folder), options.rounds) for figure in chosen]
    _print(results, options.rounds)
    if options.json:
        options.json.write_text(json.dumps({"machine": _machine(), "figures": [_row(one) for one in results]}))


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()}"
    )


def _row(result: Result) -> dict[str, object]:
    figure = result.figure
    return {
        "name": figure.name,
        "what": figure.what,
        "unit": figure.unit,
        "ours": result.ours,
        "yardstick": result.theirs,
        "ratio": result.ratio,
        "reach": figure.reach,
        "reached": result.reached,
    }


def _print(results: list[Result], rounds: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(title=f"{_machine()}; medians of {rounds} interleaved rounds")
    for heading in ("", "figure", "ours", "yardstick", "ratio", "reach"):
        table.add_column(heading, overflow="fold")
    for result in results:
        figure = result.figure
        mark = "[green]reached[/]" if result.reached else "[red]not reached[/]"
        table.add_row(
            figure.name,
            figure.what,
            f"{result.ours:,.1f} {figure.unit}",
            f"[dim]{figure.yardstick}[/]" if result.theirs is None else _yardstick(result),
            "" if result.theirs is None else f"{result.ratio:.2f}",
            f"{figure.bound} {figure.reach:g}\n{mark}",
        )
    console.print(table)


def _yardstick(result: Result) -> str:
    return f"{result.theirs:,.1f} {result.figure.unit}\n[dim]{result.figure.yardstick}[/]"


main()
