"""R1 and R3 while a log is opened: a new one is made, an old one is migrated, and any write or sync of that is in the
way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import figures
from tests.faults.system_calls.running import run

_STEP = 1 if os.environ.get("JOBREEL_TORTURE") else 30
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fails by LD_PRELOAD")


def test_a_log_that_could_not_be_opened_is_whole_and_opens_the_next_time(tmp_path: Path) -> None:
    found = run("opening", tmp_path, str(_STEP))
    figures.show(
        "R3: EIO and kills while a log is made or migrated",
        f"{found['tried']} openings: {len(found['wrong'])} unsound, or in the way of the next",
        "0",
    )
    assert found["wrong"] == []
    assert found["tried"] > 20


def test_control_a_migration_in_pieces_is_in_its_own_way(tmp_path: Path) -> None:
    found = run("opening", tmp_path, "60", "pieces")
    assert any("it cannot be opened again" in problem for problem in found["wrong"])
