"""The wheel, used where no checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PLUGIN = _ROOT / "lua_plugin" / "Tracker.lrdevplugin"
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


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_an_installed_wheel_makes_a_log_of_its_own(installed: Path, tmp_path: Path) -> None:
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


def _plugin_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _lightroom(installed: Path, cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tracker", "lightroom", *args],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_installed_wheel_installs_the_plug_in_as_it_is_in_the_repository(installed: Path, tmp_path: Path) -> None:
    ran = _lightroom(installed, tmp_path, "install", "--to", "Modules")
    assert ran.returncode == 0, ran.stderr
    copied = _plugin_files(tmp_path / "Modules" / "Tracker.lrplugin")
    assert copied == _plugin_files(_PLUGIN)
    assert {"Info.lua", "Client.lua", "dkjson-LICENSE.txt"} <= copied.keys()
    assert (installed / "tracker" / "lua_plugin" / "Tracker.lrdevplugin" / "Info.lua").is_file()


def test_an_installed_wheel_has_no_checkout_to_link_to(installed: Path, tmp_path: Path) -> None:
    ran = _lightroom(installed, tmp_path, "install", "--dev", "--to", "Modules")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert f"this tracker is installed in {installed}: leave --dev out" in ran.stderr
    assert not (tmp_path / "Modules").exists()


def test_the_source_distribution_has_the_plug_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(_ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = tmp_path.glob("jobreel-*.tar.gz")
    with tarfile.open(built) as archive:
        names = {Path(name).name for name in archive.getnames() if "/lua_plugin/Tracker.lrdevplugin/" in name}
    assert names == _plugin_files(_PLUGIN).keys()
