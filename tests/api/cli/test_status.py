from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter

from .conftest import Run
from .processes import run_unread


def _http(server: WebSocketServer, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}") as answer:
        return json.load(answer)


def _rows(shown: str) -> list[str]:
    return [line.rstrip() for line in shown.splitlines()]


def test_jobs_are_listed_newest_first(run: Run, jobs: None) -> None:
    result = run("status")
    assert result.exit_code == 0
    heading, busy, broken, done, counts = _rows(result.stdout)
    assert heading.split() == ["Job", "Photo", "Status", "Progress", "Stage", "Elapsed", "Message"]
    assert busy.split()[:3] == ["busy", "IMG_3.jpg", "active"]
    assert " 45 %  quality_check " in busy
    assert busy.endswith("Looking")
    assert broken.split()[:4] == ["broken", "photo", "2", "failed"]
    assert "importing" in broken
    assert broken.endswith("No picture [31m in it")
    assert "━━━━━━━━━━  100 % " in done
    assert counts == "3 jobs: 1 active, 1 completed, 1 failed"


def test_piped_output_has_no_escape_codes(run: Run, jobs: None) -> None:
    assert "\x1b" not in run("status").stdout
    assert "\x1b" not in run("status", "broken").stdout


@pytest.mark.parametrize("width", [50, 60, 80, 120, 200])
def test_an_id_is_never_cut_and_lines_fit(
    run: Run, reporter: ProgressReporter, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    job_id = "demo-20251109-103000-ab12-001-IMG_0001"
    reporter.start_job(job_id, 1, {"file_name": "IMG_0001.jpg"})
    reporter.update_progress(job_id, "preset_selection", 50.0, "Choosing among the presets, of which there are many")
    reporter.flush()
    monkeypatch.setenv("COLUMNS", str(width))
    shown = run("status").stdout
    assert all(len(line) <= width for line in shown.splitlines()[:-1])
    assert "".join(line.split("  ")[0].strip() for line in shown.splitlines()[1:-1]) == job_id


def test_status_filters(run: Run, jobs: None) -> None:
    listed = json.loads(run("status", "--json", "--status", "failed").stdout)["jobs"]
    assert [job["job_id"] for job in listed] == ["broken"]


def test_pages_follow_each_other_by_cursor(run: Run, jobs: None) -> None:
    first = json.loads(run("status", "--json", "--limit", "2").stdout)
    assert [job["job_id"] for job in first["jobs"]] == ["busy", "broken"]
    second = json.loads(run("status", "--json", "--limit", "2", "--cursor", first["cursor"]).stdout)
    assert [job["job_id"] for job in second["jobs"]] == ["done"]
    assert "cursor" not in second
    assert f"Older ones: --cursor {first['cursor']}," in run("status", "--limit", "2").stdout
    assert "Older ones" not in run("status", "--limit", "3").stdout


def test_people_get_20_jobs_programs_100_and_all_gives_all(run: Run, reporter: ProgressReporter) -> None:
    for number in range(1101):
        reporter.start_job(f"job-{number}")
    reporter.flush()
    assert "20 jobs: 20 active" in run("status").stdout
    assert len(json.loads(run("status", "--json").stdout)["jobs"]) == 100
    everything = json.loads(run("status", "--json", "--all").stdout)
    assert len({job["job_id"] for job in everything["jobs"]}) == 1101
    assert "cursor" not in everything


def test_json_is_what_http_answers(
    run: Run, jobs: None, server: WebSocketServer, settings: object, served: ProgressReporter
) -> None:
    served.complete_job("busy")
    served.flush()
    assert json.loads(run("status", "--json").stdout) == _http(server, "/jobs")
    assert json.loads(run("status", "--json", "--limit", "1").stdout) == _http(server, "/jobs?limit=1")
    assert json.loads(run("status", "--json", "done").stdout) == _http(server, "/jobs/done")


def test_json_errors_are_what_http_answers(run: Run, jobs: None) -> None:
    result = run("status", "--json", "nobody")
    body = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (body["success"], body["code"], body["job_id"]) == (False, "job_not_found", "nobody")
    assert result.stderr == ""


def test_one_job_is_shown_in_detail(run: Run, jobs: None) -> None:
    shown = run("status", "done").stdout
    facts, stages, result = shown.split("\n\n")
    assert facts.startswith("done\n  photo     IMG_1.jpg")
    assert "  status    completed after " in facts
    assert "  events    5, the last at position 5" in facts
    title, importing, exif = _rows(stages)
    assert title == "Stages"
    assert importing.split()[0] == "importing"
    assert importing.endswith(" ms  file_size 12")
    assert exif.endswith(" ms  iso 100")
    assert _rows(result) == ["Result", "  score  4.2"]


def test_the_errors_of_a_job_are_shown(run: Run, jobs: None) -> None:
    shown = run("status", "broken").stdout
    assert "  status    failed after " in shown
    assert "  not_an_image in importing: No picture [31m in it" in shown


def test_an_active_job_shows_its_stage(run: Run, jobs: None) -> None:
    shown = run("status", "busy").stdout
    assert "  stage     quality_check" in shown
    assert "  status    active for " in shown


def test_an_unknown_job_is_one_line(run: Run, jobs: None) -> None:
    result = run("status", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Job 'nobody' is not known")


@pytest.mark.parametrize(
    "args",
    [
        ["--limit", "0"],
        ["--limit", "1001"],
        ["--limit", "many"],
        ["--status", "done"],
        ["--cursor", "-1"],
        ["done", "--all"],
        ["done", "--limit", "3"],
        ["--all", "--limit", "3"],
        ["one", "two"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(run: Run, jobs: None, args: list[str]) -> None:
    result = run("status", *args)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_empty_log_says_what_to_try(run: Run, reporter: ProgressReporter) -> None:
    assert "`tracker demo` makes some" in run("status").stdout
    assert run("status", "--json").stdout == '{"success":true,"jobs":[]}\n'
    assert run("status", "--status", "failed").stdout.startswith("No such jobs in ")


def test_no_log_is_one_line_and_none_is_made(run: Run, log: Path) -> None:
    result = run("status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: There is no log at {log} yet: `tracker serve` or a reporter makes it.\n"
    assert not log.exists()
    body = json.loads(run("status", "--json").stdout)
    assert (body["success"], body["code"]) == (False, "log_missing")


def test_what_is_no_log_is_one_line(run: Run, log: Path) -> None:
    log.write_text("photos")
    assert run("status").stderr == "Error: The file is not a SQLite database. Name another file for the log.\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows tells a writer to a closed pipe something else")
@pytest.mark.parametrize("options", [[], ["--json"], ["done"]])
def test_it_ends_quietly_when_nobody_reads(log: Path, jobs: None, options: list[str]) -> None:
    assert run_unread("--database", str(log), "status", *options) == (0, "")
