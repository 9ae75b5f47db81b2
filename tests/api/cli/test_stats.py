"""``tracker stats``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tracker.test_statistics import BAD
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

from .conftest import Run


def flags(given: dict[str, str]) -> list[str]:
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]


def test_everything_in_brief_is_readable_at_80_columns(
    run: Run, jobs: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProgressReporter(settings=settings) as reporter:
        reporter.start_job("own", stages=["a stage whose name is much longer than any that a table should show"])
        reporter.report_error("own", "an_error_type_" + "x" * 100, "text")
        reporter.complete_stage("own", "a stage whose name is much longer than any that a table should show")
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("stats").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "4 started, 1 completed, 1 failed (50.0 %), 2 active" in shown
    assert "up to event 13" in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["Stage", "Done", "Errors", "Time", "p50", "p90", "p99"] in lines
    assert next(line for line in lines if line[:1] == ["importing"])[1:3] == ["1", "1"]
    assert ["not_an_image", "1", "50.0", "%"] in lines


@pytest.mark.parametrize(
    ("group_by", "heading"),
    [("stage", "Stage"), ("status", "Status"), ("hour", "Hour"), ("error_type", "Error")],
)
def test_groups_are_readable_at_80_columns(
    run: Run, jobs: None, group_by: str, heading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("stats", "--group-by", group_by).stdout.splitlines()
    assert lines[2].split()[0] == heading
    assert len(lines) > 3
    assert max(map(len, lines)) <= 80


def test_json_is_what_http_answers(run: Run, jobs: None) -> None:
    body = json.loads(run("stats", "--json").stdout)
    assert (body["success"], body["position"], body["jobs"]["failed"]) == (True, 10, 1)
    groups = json.loads(run("stats", "--json", "--group-by", "error_type").stdout)["groups"]
    assert groups == [{"error_type": "not_an_image", "errors": 1, "share": 1.0}]
    then = json.loads(run("stats", "--json", "--as-of", "6").stdout)
    assert (then["position"], then["jobs"]["started"], then["jobs"]["failed"]) == (6, 2, 0)


def test_a_window_is_said_on_one_line(run: Run, jobs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    window = ("--since", "2025-11-09T12:00:00Z", "--until", "2099-11-09T12:00:00Z")
    first, second, *_ = run("stats", *window).stdout.splitlines()
    assert first.startswith("From 2025-11-09 ")
    assert first.endswith("up to event 10")
    assert second == ""


def test_a_window_without_events_says_so(run: Run, jobs: None) -> None:
    shown = run("stats", "--until", "2001-01-01T00:00:00Z", "--group-by", "stage").stdout
    assert "Nothing was recorded there." in shown


def test_an_empty_log_says_how_to_fill_it(run: Run, log: Path) -> None:
    run("migrate")
    assert run("stats").stdout == f"No jobs in {log} yet: `tracker demo` makes some.\n"


def test_no_log_is_a_failure(run: Run) -> None:
    assert run("stats").exit_code == 1


@pytest.mark.parametrize(("given", "field"), [*BAD, ({"as_of": "99"}, "as_of")])
def test_what_makes_no_sense_is_one_line_and_exit_code_2(
    run: Run, jobs: None, given: dict[str, str], field: str
) -> None:
    result = run("stats", *flags(given))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {field}: ")
    assert result.stderr.count("\n") == 1
    as_json = run("stats", "--json", *flags(given))
    assert (as_json.exit_code, json.loads(as_json.stdout)["field"]) == (2, field)


def test_an_active_job_is_shown_with_what_is_left(run: Run, settings: Settings) -> None:
    with ProgressReporter(settings=settings) as reporter:
        for number in range(10):
            reporter.start_job(str(number), stages=["scan"])
            reporter.complete_stage(str(number), "scan")
            reporter.complete_job(str(number))
        reporter.start_job("busy", stages=["scan"])
    for job in json.loads(run("status", "--json", "--limit", "2").stdout)["jobs"]:
        assert ("eta" in job) == (job["job_id"] == "busy")
    for name in ("status", "show"):
        status = json.loads(run(name, "--json", "busy").stdout)["job_status"]
        assert status["eta"]["jobs"] == 10
        assert "(from 10 jobs)" in run(name, "busy").stdout
        assert "(from 10 jobs)" not in run(name, "1").stdout
