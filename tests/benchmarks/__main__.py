"""``make bench``: every figure against its yardstick, in one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmarks import (
    delivery,
    exporting,
    history,
    insight,
    nodes,
    peers,
    queries,
    rebuilding,
    recording,
    refusals,
    remote,
    replaying,
    report,
    standing,
    waiting,
)
from tests.benchmarks.figure import Figure, Result, measure

_FIGURES: list[Figure] = [
    *recording.FIGURES,
    *waiting.FIGURES,
    *peers.FIGURES,
    *refusals.FIGURES,
    *remote.FIGURES,
    *delivery.FIGURES,
    *standing.FIGURES,
    *nodes.FIGURES,
    *queries.FIGURES,
    *rebuilding.FIGURES,
    *replaying.FIGURES,
    *insight.FIGURES,
    *history.FIGURES,
    *exporting.FIGURES,
]
_SHORT_ROUNDS = 2


def main() -> int:
    """Measure and print; a figure that is not reached is said, not hidden. 1 if something got slower, else 0."""
    options = _options()
    old = json.loads(options.compare.read_text()) if options.compare else None
    rounds = min(options.rounds, _SHORT_ROUNDS) if options.short else options.rounds
    results = [_measured(figure, rounds) for figure in _chosen(options)]
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(report.table(results, rounds))
    new = report.as_json(results)
    if options.json:
        options.json.write_text(json.dumps(new, indent=1))
    return _compared(console, old, new) if old else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("figures", nargs="*", help="names of figures, P1 P2 …; all by default")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds a figure (default 7)")
    parser.add_argument("--short", action="store_true", help="a minute for every day: the figures that take seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file as well")
    parser.add_argument(
        "--compare", type=Path, metavar="OLD.json", help="name what got slower than in these results by more than 15 %%"
    )
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Figure]:
    if options.figures:
        return [figure for figure in _FIGURES if figure.name in options.figures]
    return [figure for figure in _FIGURES if figure.is_short or not options.short]


def _measured(figure: Figure, rounds: int) -> Result:
    print(f"{figure.name}: {figure.what}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="jobreel-bench-") as folder:
        return measure(figure, Path(folder), rounds)


def _compared(console: Console, old: dict[str, object], new: dict[str, object]) -> int:
    if old["machine"] != new["machine"]:
        console.print(f"The earlier results are of another machine: {old['machine']}")
    worse = report.slower(old, new)
    for line in worse:
        console.print(f"[red]slower[/] {line}")
    console.print(f"{len(worse)} figures got slower by more than 15 %.")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
