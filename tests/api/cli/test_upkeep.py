"""``migrate``, ``rebuild`` and ``prune``."""

from __future__ import annotations

import gzip
import json
import sqlite3
import time
from pathlib import Path

import pytest

from tracker.progress_reporter import ProgressReporter
from tracker.store.schema import REVISION

from .conftest import Run

_OLD_LOGS = Path(__file__).parents[2] / "logs"
_CHANGING = (["migrate"], ["rebuild"], ["prune"], ["new-epoch"])


def test_migrate_makes_a_log_and_then_finds_it_current(run: Run, log: Path) -> None:
    assert run("migrate").stdout == f"Created the log at {log} (schema {REVISION}).\n"
    assert run("migrate").stdout == f"The log at {log} is current (schema {REVISION}): there is nothing to do.\n"
    assert json.loads(run("migrate", "--json").stdout) == {"success": True, "found": REVISION, "schema": REVISION}


@pytest.mark.parametrize("packed", sorted(_OLD_LOGS.glob("*.db.gz")), ids=lambda path: path.name)
def test_migrate_says_that_it_upgraded_an_old_log_and_from_which_schema(run: Run, log: Path, packed: Path) -> None:
    old = gzip.decompress(packed.read_bytes())
    log.write_bytes(old)
    connection = sqlite3.connect(log)
    (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    assert found < REVISION
    assert run("migrate").stdout == f"Upgraded the log at {log} from schema {found} to {REVISION}.\n"
    assert "there is nothing to do" in run("migrate").stdout
    log.write_bytes(old)
    assert json.loads(run("migrate", "--json").stdout) == {"success": True, "found": found, "schema": REVISION}


def test_migrate_leaves_the_database_of_another_program_alone(run: Run, log: Path) -> None:
    connection = sqlite3.connect(log)
    connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    result = run("migrate")
    assert result.exit_code == 1
    assert "of another program" in result.stderr


@pytest.mark.parametrize("text", ["", "x" * 5000])
def test_migrate_of_a_file_that_is_no_log(run: Run, log: Path, text: str) -> None:
    log.write_text(text)
    result = run("migrate")
    if text:
        assert (result.exit_code, result.stderr[:35]) == (1, "Error: The file is not a SQLite dat")
    else:
        assert result.stdout.startswith("Created the log")


def test_rebuild_folds_every_job_anew(run: Run, jobs: None, log: Path) -> None:
    before = run("status", "--json", "done").stdout
    connection = sqlite3.connect(log)
    with connection:
        connection.execute("DELETE FROM jobs")
    connection.close()
    assert run("status", "done").exit_code == 1
    assert run("rebuild").stdout == f"Rebuilt 3 jobs from the events in {log}.\n"
    assert run("status", "--json", "done").stdout == before
    assert json.loads(run("rebuild", "--json").stdout) == {"success": True, "jobs": 3}


def test_new_epoch_leaves_everything_but_the_epoch(run: Run, jobs: None, log: Path) -> None:
    before = run("status", "--json", "done").stdout
    said = json.loads(run("new-epoch", "--json").stdout)
    connection = sqlite3.connect(log)
    assert connection.execute("SELECT epoch FROM log_head").fetchall() == [(said["epoch"],)]
    connection.close()
    assert (run("status", "--json", "done").stdout, run("verify").exit_code) == (before, 0)
    assert said["epoch"] not in run("new-epoch").stdout


def test_prune_removes_what_finished_long_enough_ago(run: Run, jobs: None) -> None:
    assert run("prune").stdout == "Nothing to remove: no job finished more than 30 days ago.\n"
    assert run("prune", "--keep-for", "0").stdout.startswith("Removed 2 jobs and 8 events")
    assert "1 job: 1 active" in run("status").stdout
    gone = run("status", "done")
    assert (gone.exit_code, gone.stderr) == (2, "Error: Job 'done' was removed after its retention period.\n")


def test_prune_as_json(run: Run, jobs: None) -> None:
    body = json.loads(run("prune", "--keep-for", "0s", "--json").stdout)
    assert body == {"success": True, "dry_run": False, "pruned_jobs": 2, "pruned_events": 8}


def test_a_dry_run_tells_what_would_go_beside_the_owner_and_removes_nothing(
    run: Run, jobs: None, reporter: ProgressReporter
) -> None:
    shown = run("prune", "--keep-for", "0", "--dry-run").stdout.splitlines()
    assert [line.split()[0] for line in shown[:2]] == ["done", "broken"]
    assert shown[2] == "Would remove 2 jobs and 8 events, finished more than 0 seconds ago."
    body = json.loads(run("prune", "--keep-for", "0", "--dry-run", "--json").stdout)
    assert body == {
        "success": True,
        "dry_run": True,
        "pruned_jobs": 2,
        "pruned_events": 8,
        "job_ids": ["done", "broken"],
    }
    assert "3 jobs" in run("status").stdout


def test_a_long_dry_run_shows_20_and_counts_the_rest(run: Run, reporter: ProgressReporter) -> None:
    for number in range(23):
        reporter.start_job(f"job-{number:02}")
        reporter.complete_job(f"job-{number:02}")
    reporter.flush()
    shown = run("prune", "--keep-for", "0", "--dry-run").stdout.splitlines()
    assert shown[19].startswith("job-19")
    assert shown[20:] == ["… and 3 more", "Would remove 23 jobs and 46 events, finished more than 0 seconds ago."]


@pytest.mark.parametrize("keep_for", ["soon", "-1", "7", "7x", "9999999999999d", "nan", "inf", ""])
def test_a_time_is_read_or_refused_in_one_line(run: Run, jobs: None, keep_for: str) -> None:
    result = run("prune", "--keep-for", keep_for, "--dry-run")
    if keep_for == "7":
        assert result.exit_code == 0
    else:
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: keep_for_seconds: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", _CHANGING)
def test_the_owner_of_a_log_is_named(run: Run, reporter: ProgressReporter, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert "is being written by process" in result.stderr
    assert result.stderr.count("\n") == 1
    body = json.loads(run(*command, "--json").stdout)
    assert (body["success"], body["code"]) == (False, "store_owned")


@pytest.mark.parametrize("command", [["rebuild"], ["prune"], ["prune", "--dry-run"]])
def test_what_looks_after_a_log_does_not_make_one(run: Run, log: Path, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: There is no log at ")
    assert not log.exists()


def test_prune_removes_nothing_by_a_clock_that_may_be_wrong(
    run: Run, jobs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = time.time_ns() + 200 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    doubted = run("prune")
    assert doubted.exit_code == 1
    assert "is 200 days past what was recorded last before today" in doubted.stderr
    assert "`tracker prune --trust-clock`" in doubted.stderr
    assert json.loads(run("prune", "--json").stdout)["code"] == "clock_doubtful"
    assert run("prune", "--trust-clock").stdout.startswith("Removed 2 jobs and 8 events")
