"""A module of this folder, run as a process whose system calls it can make fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.preload import compiled

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
_PATIENCE_SECONDS = 1500


def run(module: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """What the module prints, as JSON, when it has worked in the folder."""
    environment = {**os.environ, "LD_PRELOAD": str(compiled(HERE / "failing.c", folder))}
    command = [sys.executable, "-m", f"{__package__}.{module}", str(folder), *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=_PATIENCE_SECONDS
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
