"""R3: input/output errors at every sync, and at every eleventh write or, in the long form, every one.

The tracker is an embedded one, with a stream on its feed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import figures
from tests.faults.system_calls.running import run

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_RUNS = [(1, 1), (1, 3)] if _LONG else [(11, 1)]  # every so many writes, so many errors in a row
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fails by LD_PRELOAD")


@pytest.mark.parametrize(("step", "times"), _RUNS)
def test_nothing_false_is_acknowledged_or_streamed_and_all_is_settled(tmp_path: Path, step: int, times: int) -> None:
    found = run("io_errors", tmp_path, str(step), str(times))
    writes = "every write" if step == 1 else f"one write in {step}"
    figures.show(
        f"R3: {times} x EIO at every sync and {writes}",
        f"{found['errors']} errors: {len(found['wrong'])} false acknowledgements, streams or unsettled events",
        "0",
    )
    assert found["wrong"] == []
    assert found["errors"] > 80


def test_control_who_takes_a_failed_commit_for_done_acknowledges_what_is_not_there(tmp_path: Path) -> None:
    found = run("io_errors", tmp_path, "40", "1", "credulous")
    figures.show("R3: control, a failed commit taken for done", f"{len(found['wrong'])} false", "1 or more")
    assert any("acknowledged and not there" in problem for problem in found["wrong"])
