"""The wheel, used where no checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_USE = """
import sys
import tracker, api
from tracker.progress_reporter import ProgressReporter
assert tracker.__file__.startswith(sys.argv[2]), tracker.__file__
with ProgressReporter(database_url=sys.argv[1]) as reporter:
    reporter.start_job("job").wait()
    print(reporter.get_job_status("job")["status"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(_ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("jobreel-*.whl")
    return built


def test_the_wheel_has_what_a_user_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert {
        "tracker/py.typed",
        "api/py.typed",
        "tracker/migrations/env.py",
        "tracker/migrations/versions/0001_event_log.py",
        "api/dashboard/jobreel.js",
        "api/dashboard/jobreel.d.ts",
    } <= names
    assert "tracker = api.cli:main" in entry_points
    assert not [name for name in names if name.startswith("tests/") or "node_modules" in name]


def test_an_installed_wheel_makes_a_log_of_its_own(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    database = tmp_path / "elsewhere" / "log.db"
    ran = subprocess.run(
        [sys.executable, "-c", _USE, f"sqlite:///{database}", str(installed)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "active\n"), ran.stderr
