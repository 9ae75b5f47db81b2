"""The Celery adapter, with a real worker: a process of its own, with two children, and a folder as the broker."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tracker.errors import NotInitialized
from tracker.integrations.celery import current_job
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_ROOT = Path(__file__).resolve().parents[3]
_APP = "tests.tracker.integrations.celery_tasks"
_PATIENCE_SECONDS = 60
_PREFORK = pytest.mark.skipif(sys.platform == "win32", reason="Celery's workers have children on POSIX only")


class Worker:
    """A worker and what its log shows in the end."""

    def __init__(self, broker: Path, url: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", _APP, "worker", "-c", "2", "--without-mingle", "-l", "info"],
                cwd=_ROOT,
                env={**os.environ, "TEST_BROKER": str(broker), "TRACKER_URL": url},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broker")
    for name in ("queue", "control"):
        (folder / name).mkdir()
    return folder


@pytest.fixture(scope="module")
def log(folder: Path) -> Iterator[tuple[ProgressReporter, str]]:
    """The log, and the URL at which it is served."""
    server = WebSocketServer(port=0)
    settings = Settings(database_url=f"sqlite:///{folder / 'log.db'}")
    with ProgressReporter(server, settings=settings) as reporter:
        yield reporter, server.url


@pytest.fixture(scope="module")
def tasks(folder: Path) -> Iterator[ModuleType]:
    """The app, as who sends its tasks has it."""
    os.environ["TEST_BROKER"] = str(folder)
    yield importlib.import_module(_APP)
    del os.environ["TEST_BROKER"]


@pytest.fixture(scope="module")
def worker(folder: Path, log: tuple[ProgressReporter, str]) -> Iterator[Worker]:
    running = Worker(folder, log[1], folder / "worker.log")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def ended(reporter: ProgressReporter, task_id: str, worker: Worker) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status = reporter.get_job_status(task_id)
        if status is not None and status["status"] != "active":
            return status
        assert time.monotonic() < deadline, worker.log.read_text()
        time.sleep(0.02)


def types(reporter: ProgressReporter, task_id: str) -> list[str]:
    rows = reporter.tracker.recorder.ask(lambda log: log.read(0, 10_000))
    return [row.type for row in rows if row.job_id == task_id]


@_PREFORK
def test_tasks_of_a_real_worker_are_jobs(log: tuple[ProgressReporter, str], tasks: ModuleType, worker: Worker) -> None:
    reporter, _ = log
    sent = [tasks.develop.delay(number).id for number in range(20)]
    results = []
    for number, task_id in enumerate(sent):
        status = ended(reporter, task_id, worker)
        assert status["status"] == "completed"
        assert status["photo_info"] == {"task": f"{_APP}.develop"}
        assert status["message"] == f"Photo {number}"
        assert types(reporter, task_id) == ["job_started", "job_progress", "job_completed"]
        results.append(status["result"])
    assert [result["number"] for result in results] == list(range(20))
    assert len({result["pid"] for result in results}) == 2  # both children took part


@_PREFORK
def test_stages_failures_retries_and_killed_workers(
    log: tuple[ProgressReporter, str], tasks: ModuleType, worker: Worker
) -> None:
    reporter, _ = log
    names = ("staged", "broken", "broken_stage", "flaky", "careless", "killed")
    sent = {name: getattr(tasks, name).delay().id for name in names}
    found = {name: ended(reporter, task_id, worker) for name, task_id in sent.items()}
    assert found["staged"]["result"] == {"returned": "done"}
    assert [done["stage"] for done in found["staged"]["stages_completed"]] == ["scan"]
    for name, stage in (("broken", None), ("broken_stage", "scan")):
        (error,) = found[name]["errors"]
        assert (error["error_type"], error["error_message"], error["stage"]) == ("LookupError", "no film", stage)
        assert found[name]["status"] == "failed"
    assert (found["flaky"]["status"], found["flaky"]["result"]) == ("completed", {"returned": 2})
    assert types(reporter, sent["flaky"]) == ["job_started", "job_completed"]
    assert (found["careless"]["status"], found["careless"]["errors"]) == ("completed", [])
    assert found["killed"]["errors"][0]["error_type"] == "WorkerLostError"


@_PREFORK
def test_a_worker_that_is_stopped_delivers_what_it_reported(
    log: tuple[ProgressReporter, str], tasks: ModuleType, worker: Worker
) -> None:
    reporter, _ = log
    sent = tasks.develop.delay(99).id
    ended(reporter, sent, worker)
    assert worker.stop() == 0
    assert reporter.get_active_jobs() == {}
    assert "were not delivered" not in worker.log.read_text()


def test_there_is_no_current_job_outside_of_a_task() -> None:
    with pytest.raises(NotInitialized):
        current_job()
