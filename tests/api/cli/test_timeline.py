"""``tracker timeline``: a job along its time, in the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from api.websocket_server import WebSocketServer
from tests.builders import NOON, SECOND, completed, error, failed, progressed, stage_completed, started
from tests.contract.log import Log
from tracker.progress_reporter import ProgressReporter
from tracker.store.sqlite import SqliteStore

from .conftest import Run

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run_of_ten_seconds(log: Path) -> None:
    """Two seconds of waiting, three of importing, five of evaluating that ends in an error and with the job."""
    written = Log(lambda: SqliteStore(log))
    for at, event in (
        (0, started(stages=("importing", "evaluating"))),
        (2, progressed(stage="importing")),
        (5, stage_completed(stage="importing")),
        (5, progressed(stage="evaluating")),
        (8, error(error_type="timeout", error_message="no\x1b[31m answer", stage="evaluating")),
        (10, failed()),
    ):
        written.append(event, at=NOON + at * SECOND)
    written.close()


def _http(server: WebSocketServer, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}") as answer:
        return json.load(answer)


def test_a_bar_lies_where_its_stage_was(run: Run, run_of_ten_seconds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = [line.rstrip() for line in run("timeline", "job").stdout.splitlines()]
    assert shown[0] == "job  failed after 10 s"
    assert shown[1].endswith("6 events at positions 1 to 6")
    assert shown[2:6] == [
        "(waiting)   ──────────········································     2.0 s   20 %",
        "importing   ··········███████████████·························     3.0 s   30 %",
        "evaluating  ·························▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒!▒▒▒▒▒▒▒▒▒     5.0 s   50 %",
        "▒ was not completed",
    ]
    assert shown[6:8] == ["", "Errors"]
    assert shown[8].endswith("position 5  timeout in evaluating: no [31m answer")
    assert len(shown) == 9


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_lines_fit_the_terminal(run: Run, log: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    written = Log(lambda: SqliteStore(log))
    names = (
        "a stage with a name that is much longer than the column it stands in",
        "写真の読み込みと評価と書き出しの段階です",
    )
    written.append(started(stages=names), *[progressed(stage=names[index % 2]) for index in range(6)], failed())
    written.close()
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("timeline", "job").stdout.splitlines()
    rows = [line for line in lines if line.endswith("%")]
    assert len(rows) == 7
    assert all(cell_len(line) <= width for line in (rows if width < 60 else lines))
    assert len({cell_len(line) for line in rows}) == 1
    assert [row for row in rows if " #3 " in row] == rows[-2:]


def test_it_is_readable_without_colour_and_without_utf_8(run_of_ten_seconds: None, log: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80", "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "tracker", "--database", str(log), "timeline", "job"]
    shown = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True).stdout
    text = shown.decode("ascii")
    assert "?" not in text
    assert "\x1b" not in text
    rows = [line.split() for line in text.splitlines() if line.endswith("%")]
    assert [set(row[1]) for row in rows] == [{"-", "."}, {"#", "."}, {"=", ".", "!"}]


def test_a_job_that_runs_is_told_to(run: Run, reporter: ProgressReporter) -> None:
    reporter.start_job("job")
    reporter.update_progress("job", "importing", 10).wait()
    shown = run("timeline", "job").stdout
    assert "job  active for" in shown
    assert "▒ still runs" in shown


def test_a_job_that_only_started_says_so(run: Run, reporter: ProgressReporter) -> None:
    reporter.start_job("job").wait()
    assert "No stage was reported." in run("timeline", "job").stdout


def test_json_is_what_http_answers(run: Run, server: WebSocketServer, served: ProgressReporter) -> None:
    served.start_job("job")
    served.complete_stage("job", "importing", {"a": 1})
    served.report_error("job", "io", "lost")
    served.complete_job("job")
    served.flush()
    body = json.loads(run("timeline", "job", "--json").stdout)
    assert body == _http(server, "/jobs/job/timeline")
    assert body["timeline"]["stages"][0]["stage"] == "importing"


def test_an_unknown_job_and_a_missing_one(run: Run, reporter: ProgressReporter) -> None:
    reporter.start_job("job").wait()
    result = run("timeline", "nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: Job 'nobody' is not known: call start_job first.\n")
    body = json.loads(run("timeline", "nobody", "--json").stdout)
    assert (body["success"], body["code"], body["job_id"]) == (False, "job_not_found", "nobody")
    assert run("timeline").exit_code == 2


def test_a_pruned_job_is_told_to_be_gone(run: Run, log: Path) -> None:
    written = Log(lambda: SqliteStore(log))
    written.append(started(), completed())
    written.prune(2**53)
    written.close()
    assert json.loads(run("timeline", "job", "--json").stdout)["code"] == "job_pruned"
