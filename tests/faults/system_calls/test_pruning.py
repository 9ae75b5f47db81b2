"""R22: ``kill -9`` while jobs are pruned."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import figures
from tests.faults.system_calls.running import run

_KILLS = 100 if os.environ.get("JOBREEL_TORTURE") else 15
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills by LD_PRELOAD")


def test_no_job_that_has_not_ended_is_pruned_and_the_log_is_sound(tmp_path: Path) -> None:
    found = run("pruning", tmp_path, str(_KILLS))
    figures.show(
        "R22: killed while it prunes",
        f"{found['kills']} kills: {len(found['wrong'])} faults or unfinished jobs pruned",
        "0 in 100",
    )
    assert found["wrong"] == []


def test_control_a_prune_that_takes_any_job_is_found(tmp_path: Path) -> None:
    found = run("pruning", tmp_path, "1", "greedy")
    assert any("has not ended" in problem for problem in found["wrong"])
