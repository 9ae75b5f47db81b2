"""``tracker diff``: two jobs held against each other, in the terminal."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.builders import NOON, SECOND, completed, error, failed, progressed, stage_completed, started
from tests.contract.log import Log
from tracker.events import Event
from tracker.progress_reporter import ProgressReporter
from tracker.store.sqlite import SqliteStore

from .conftest import Run


def _run(job_id: str, pace: int, *end: Event) -> list[tuple[int, Event]]:
    """A job whose stage takes ``pace`` seconds, then a second to its end."""
    ended = end or (stage_completed(job_id, "evaluating", result={"score": 4}), completed(job_id))
    told = [started(job_id, stages=("importing", "evaluating")), progressed(job_id, stage="importing")]
    told += [stage_completed(job_id, "importing"), progressed(job_id, stage="evaluating"), *ended]
    return [(max(0, index - 1) * pace, event) for index, event in enumerate(told)]


@pytest.fixture
def night(log: Path) -> None:
    """``one`` and ``two``, which went well in 4 and 4 seconds, and ``night``, which was slower and failed."""
    written = Log(lambda: SqliteStore(log))
    broken = (
        error("night", error_type="timeout", error_message="no\x1b[31m answer", stage="evaluating"),
        failed("night"),
    )
    for run in (_run("one", 1), _run("two", 1), _run("night", 3, *broken)):
        for at, event in run:
            written.append(event, at=NOON + at * SECOND)
    written.close()


def _rows(shown: str) -> list[list[str]]:
    return [line.split() for line in shown.splitlines()]


def test_stages_stand_side_by_side(run: Run, night: None) -> None:
    shown = run("diff", "one", "night").stdout
    rows = _rows(shown)
    assert rows[0][:5] == ["a", "one", "completed", "after", "4.0"]
    assert rows[1][:5] == ["b", "night", "failed", "after", "12"]
    assert rows[3:7] == [
        ["Stage", "a", "b", "b", "-", "a"],
        ["importing", "1.0", "s", "3.0", "s", "+2.0", "s", "(+200%)"],
        ["evaluating", "1.0", "s", "6.0", "s", "+5.0", "s", "(+500%)"],
        ["whole", "job", "4.0", "s", "12", "s", "+8.0", "s", "(+200%)"],
    ]


def test_the_events_where_they_part_and_the_errors_of_one_alone(run: Run, night: None) -> None:
    shown = run("diff", "one", "night").stdout
    parting = shown[shown.index("They take another course at") :].splitlines()
    assert parting[1].startswith("  a  stage_completed in evaluating  event 5, position 5, ")
    assert parting[2].startswith("  b  error_occurred in evaluating  event 5, position 17, ")
    assert parting[3].split() == ["type", "a", '"stage_completed"', "b", '"error_occurred"']
    assert "Errors of b alone\n  position 17  timeout in evaluating: no [31m answer\n" in shown
    assert "  stages.evaluating.result.score   a 4  b null" in shown
    assert "\x1b" not in shown
    assert "Errors of a alone" not in shown


def test_two_alike_are_told_to_be(run: Run, night: None) -> None:
    for other in ("two", "one"):
        shown = run("diff", "one", other).stdout
        assert "Both say the same, event for event." in shown
        assert "course" not in shown
    assert "say the same" not in run("diff", "one", "night").stdout


def test_a_job_is_compared_with_what_is_typical(run: Run, night: None) -> None:
    rows = _rows(run("diff", "night", "typical").stdout)
    assert rows[1] == ["b", "the", "median", "of", "2", "jobs", "4.0", "s"]
    assert rows[4] == ["importing", "3.0", "s", "1.0", "s", "-2.0", "s", "(-67%)"]


def test_without_history_there_is_one_line(run: Run, reporter: ProgressReporter) -> None:
    reporter.start_job("only")
    reporter.complete_stage("only", "importing")
    reporter.complete_job("only").wait()
    result = run("diff", "only", "typical")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: No other job that succeeded completed the stages of job 'only'")
    assert len(result.stderr.splitlines()) == 1
    assert json.loads(run("diff", "only", "typical", "--json").stdout)["code"] == "no_history"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(run: Run, night: None, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    table = run("diff", "one", "night").stdout.split("\n\n")[1]
    assert all(len(line.rstrip()) <= width for line in table.splitlines())


def test_json_is_what_http_answers(run: Run, server: WebSocketServer, served: ProgressReporter) -> None:
    for job_id, score in (("a", 1), ("b/ü", 2)):
        served.start_job(job_id)
        served.complete_stage(job_id, "importing", {"score": score})
        served.complete_job(job_id)
    served.flush()
    for a, b in (("a", "b/ü"), ("a", "typical")):
        asked = urllib.parse.urlencode({"a": a, "b": b})
        with urllib.request.urlopen(f"{server.url}/jobs/diff?{asked}") as answer:
            expected: Any = json.load(answer)
        assert json.loads(run("diff", a, b, "--json").stdout) == expected
        assert expected["success"] is True


@pytest.mark.parametrize("args", [(), ("one",), ("one", "two", "night"), ("one", ""), ("", "one")])
def test_what_makes_no_sense_is_exit_2(run: Run, night: None, args: tuple[str, ...]) -> None:
    result = run("diff", *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert run("diff", "one", "two").exit_code == 0


def test_an_unknown_job_is_one_line(run: Run, night: None) -> None:
    for args in (("one", "nobody"), ("nobody", "one")):
        result = run("diff", *args)
        assert (result.exit_code, result.stderr) == (1, "Error: Job 'nobody' is not known: call start_job first.\n")
