from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

from .processes import Running

Run = Callable[..., Result]
Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def _a_screen_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file of the log that ``run`` and ``start`` name; the fixture ``reporter`` writes the same."""
    return tmp_path / "log.db"


@pytest.fixture
def run(log: Path) -> Run:
    """Run a command on the log in this process."""
    from api.cli.group import tracker

    def run(*args: str) -> Result:
        result = CliRunner().invoke(tracker, ["--database", str(log), *args], prog_name="tracker")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def start(log: Path) -> Iterator[Start]:
    """Start a command on the log as a process of its own; what still runs at the end is killed."""
    started: list[Running] = []

    def start(*args: str) -> Running:
        started.append(Running("--database", str(log), *args))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture
def jobs(settings: Settings) -> None:
    """A log of three jobs: ``done``, ``broken`` and ``busy``, started in that order."""
    with ProgressReporter(settings=settings) as reporter:
        reporter.start_job("done", 1, {"file_name": "IMG_1.jpg"})
        reporter.update_progress("done", "exif_analysis", 30.0, "Reading")
        reporter.complete_stage("done", "importing", {"file_size": 12})
        reporter.complete_stage("done", "exif_analysis", {"iso": 100})
        reporter.complete_job("done", result={"score": 4.2})
        reporter.start_job("broken", 2)
        reporter.report_error("broken", "not_an_image", "No picture\x1b[31m in it", stage="importing")
        reporter.complete_job("broken", success=False)
        reporter.start_job("busy", 3, {"file_name": "IMG_3.jpg"})
        reporter.update_progress("busy", "quality_check", 45.9, "Looking")
