"""R1 and R3 while a log is opened: a new one is made, an old one is migrated, and any write or sync of that is in the
way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import figures
from tests.faults.preload import compiled

_STEP = 1 if os.environ.get("JOBREEL_TORTURE") else 30
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fails by LD_PRELOAD")


def _opened(folder: Path, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "LD_PRELOAD": str(compiled(_HERE / "failing.c", folder))}
    command = [sys.executable, "-m", "tests.faults.system_calls.opening", str(folder), *arguments]
    done = subprocess.run(command, env=environment, cwd=_ROOT, stdout=subprocess.PIPE, check=True, timeout=900)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_log_that_could_not_be_opened_is_whole_and_opens_the_next_time(tmp_path: Path) -> None:
    found = _opened(tmp_path, str(_STEP))
    figures.show(
        "R3: EIO and kills while a log is made or migrated",
        f"{found['tried']} openings: {len(found['wrong'])} unsound, or in the way of the next",
        "0",
    )
    assert found["wrong"] == []
    assert found["tried"] > 20


def test_control_a_migration_in_pieces_is_in_its_own_way(tmp_path: Path) -> None:
    found = _opened(tmp_path, "60", "pieces")
    assert any("it cannot be opened again" in problem for problem in found["wrong"])
