"""What is known after a restart, and who may open the log."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.acceptance import logs
from tracker.errors import StoreOwned
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]


def _get(server: WebSocketServer, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=10) as answer:
        return json.load(answer)


def _report(reporter: ProgressReporter) -> None:
    for number in range(5):
        reporter.start_job(f"job_{number}", number, {"file_name": f"IMG_{number}.CR3"})
        reporter.update_progress(f"job_{number}", "exif_analysis", 25.0, "Reading")
        reporter.complete_stage(f"job_{number}", "exif_analysis", {"iso": 800})
    reporter.complete_job("job_0", success=True)
    reporter.report_error("job_1", "io", "lost", stage="exporting")
    reporter.complete_job("job_1", success=False, result={"error": "lost"})


def test_history_is_the_same_after_a_restart(settings: Settings) -> None:
    paths = ["/jobs?limit=3", "/jobs?status=failed", "/jobs/job_1/events", "/progress/job/job_0"]
    answers: list[Any] = []
    for _ in range(2):
        server = WebSocketServer(port=0)
        with ProgressReporter(server, settings=settings) as reporter:
            if not answers:
                _report(reporter)
                reporter.flush()
            answers.append([_get(server, path) for path in paths])
            active = reporter.get_active_jobs()
            assert sorted(active) == ["job_2", "job_3", "job_4"]
            assert _get(server, "/progress/active")["count"] == 3
    assert _without_elapsed(answers[0]) == _without_elapsed(answers[1])


def _without_elapsed(answer: Any) -> Any:
    """The answer without the one field that grows with the clock."""
    if isinstance(answer, dict):
        return {name: _without_elapsed(value) for name, value in answer.items() if name != "elapsed_seconds"}
    return [_without_elapsed(one) for one in answer] if isinstance(answer, list) else answer


def test_rebuild_gives_the_rows_of_jobs_that_were_deleted(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with ProgressReporter(settings=settings) as reporter:
        _report(reporter)
    before = logs.raw_jobs(path)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM jobs")
    connection.commit()
    connection.close()
    assert logs.raw_jobs(path) == []
    command = [sys.executable, "-m", "tracker", "--database", str(path), "rebuild"]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, timeout=60)
    assert logs.raw_jobs(path) == before
    assert len(before) == 5


def test_a_second_process_is_told_who_writes_the_log_and_where_it_is_served(
    served: ProgressReporter, server: WebSocketServer, database_url: str
) -> None:
    script = (
        "import sys; from tracker.progress_reporter import ProgressReporter; ProgressReporter(database_url=sys.argv[1])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, database_url], cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 1
    assert f"process {os.getpid()}" in ran.stderr
    assert server.url in ran.stderr
    with pytest.raises(StoreOwned) as caught:
        ProgressReporter(database_url=database_url)
    assert (caught.value.pid, caught.value.url) == (os.getpid(), server.url)
