"""What the benchmark command says of its results; nothing is measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.apart import measured_apart
from tests.benchmarks.figure import Figure, Result, measure
from tests.benchmarks.report import as_json, slower


def figure(name: str = "P1", **changes: Any) -> Figure:
    fields = {"what": "events", "yardstick": "raw", "unit": "1/s", "ours": len, "theirs": len, "reach": 0.6}
    return Figure(name=name, **{**fields, **changes})


def result(of: Figure, ratio: float) -> Result:
    return Result(figure=of, ours=ratio, theirs=1.0, ratio=ratio, spread=(ratio, ratio), peak_bytes=None)


def compared(old: float, new: float, **changes: Any) -> list[str]:
    one = figure(**changes)
    return slower(as_json([result(one, old)]), as_json([result(one, new)]))


@pytest.mark.parametrize(("old", "new"), [(1.0, 0.86), (1.0, 1.0), (1.0, 3.0)])
def test_a_figure_that_is_within_15_percent_or_better_is_not_named(old: float, new: float) -> None:
    assert compared(old, new) == []


def test_what_got_worse_is_named_with_both_values() -> None:
    assert compared(1.0, 0.84) == ["P1 (events): 1 before, 0.84 now"]
    assert compared(0.84, 1.0, bound="at most") == ["P1 (events): 0.84 before, 1 now"]
    assert compared(1.0, 0.84, bound="at most") == []


def test_figures_that_only_one_of_the_runs_has_are_not_compared() -> None:
    assert slower(as_json([result(figure("P1"), 1)]), as_json([result(figure("P2"), 0.1)])) == []


def test_results_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="version None"):
        slower({}, as_json([]))


def test_rounds_are_interleaved_and_their_median_counts(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    heard.write_text("")

    def ours(_: Path) -> float:
        heard.write_text(heard.read_text() + "o")
        return float(len(heard.read_text()))

    def theirs(_: Path) -> float:
        heard.write_text(heard.read_text() + "y")
        return 2.0

    found = measure(figure(ours=ours, theirs=theirs), tmp_path, 3)
    assert heard.read_text() == "yoyoyo"
    assert (found.ours, found.theirs, found.ratio, found.spread) == (4, 2, 2, (1, 3))


def test_a_measurement_that_fails_is_a_failure_and_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "measured"
    folder.mkdir()

    def fail(_: Path) -> float:
        raise LookupError("nothing there")

    with pytest.raises((RuntimeError, LookupError), match="nothing there"):
        measured_apart(fail, folder)
    assert not folder.exists()
