"""``tracker doctor``: what the log depends on, and what to do where something is not well."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from api.websocket_server import WebSocketServer
from tests.builders import progressed, started
from tests.tracker.doubles import WAIT
from tracker.progress_reporter import ProgressReporter
from tracker.store import examining
from tracker.store.examining import owner

from .conftest import Run

_Usage = namedtuple("_Usage", "total used free")


def _findings(run: Run) -> dict[str, tuple[str, str]]:
    body = json.loads(run("doctor", "--json").stdout)
    return {one["subject"]: (one["state"], one["told"]) for one in body["findings"]}


def test_a_log_that_is_well(run: Run, jobs: None, log: Path) -> None:
    done = run("doctor")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"The log at {log}:"
    assert {line.split()[0] for line in lines[1:]} == {"ok"}
    found = _findings(run)
    assert {"versions", "library", "disk", "file", "write-ahead log", "schema", "log", "owner"} <= found.keys()
    assert sqlite3.sqlite_version in found["library"][1]


def test_the_owner_and_his_server_are_named(run: Run, served: ProgressReporter, server: WebSocketServer) -> None:
    found = _findings(run)
    assert server.url in found["owner"][1]
    assert found["server"] == ("ok", "ready")


def test_a_server_that_is_not_ready_says_why(
    run: Run, served: ProgressReporter, server: WebSocketServer, log: Path
) -> None:
    with closing(sqlite3.connect(log)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    done = run("doctor", "--json")
    body = json.loads(done.stdout)
    assert (done.exit_code, body["success"], body["code"]) == (1, False, "not_well")
    wrong = {one["subject"]: one["told"] for one in body["findings"] if one["state"] == "wrong"}
    assert wrong["schema"] == "9999 instead of 0004: run `tracker migrate`"
    assert wrong["server"].startswith("is not ready: The log has schema 9999")


def test_an_owner_that_died_is_none(run: Run, jobs: None, log: Path) -> None:
    note = log.with_name(f"{log.name}.owner.json")
    note.write_text(json.dumps({"pid": 2**22 + 1, "url": "http://127.0.0.1:9"}))
    assert owner(log) is None
    assert _findings(run)["owner"] == ("ok", "nobody writes the log now")


@pytest.mark.parametrize(("free", "state"), [(3_000_000, "wrong"), (100_000_000, "warning"), (10**12, "ok")])
def test_the_room_on_the_disk(run: Run, jobs: None, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**12, 0, free))
    assert _findings(run)["disk"][0] == state


def test_a_network_file_system(run: Run, jobs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "_file_system", lambda _: "nfs4")
    assert _findings(run)["file system"][0] == "wrong"


def test_a_write_ahead_log_that_somebody_keeps_from_shrinking(
    run: Run, reporter: ProgressReporter, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "_LARGE_WAL_BYTES", 100_000)
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM events").fetchall()
        record = reporter.tracker.recorder.record
        record(started("a"), *(progressed("a", step % 100, message="x" * 200) for step in range(1000))).wait(WAIT)
        state, told = _findings(run)["write-ahead log"]
    assert (state, "reads without an end" in told) == ("warning", True)


def test_a_file_that_is_mostly_unused(run: Run, reporter: ProgressReporter) -> None:
    reports: list[Any] = [progressed("a", step % 100, message="x" * 500) for step in range(2000)]
    reporter.tracker.recorder.record(started("a"), *reports).wait(WAIT)
    reporter.complete_job("a").wait(WAIT)
    while not reporter.tracker.recorder.ask(lambda log: log.prune(2**53, 2**53, 1000)).done:
        pass
    reporter.close()
    assert _findings(run)["file"][0] == "warning"


def test_no_log_and_what_is_none(run: Run, log: Path) -> None:
    log.unlink(missing_ok=True)
    assert _findings(run)["log"][0] == "wrong"
    log.write_bytes(b"no database at all, but long enough to be looked at" * 50)
    done = run("doctor")
    assert done.exit_code == 1
    assert "file is not a database" in done.stdout
    assert done.stderr == "Error: Not well: log.\n"


def test_a_log_on_postgresql(postgres_url: str) -> None:
    done = CliRunner().invoke(tracker, ["--database", postgres_url, "doctor", "--json"])
    found = {one["subject"]: one for one in json.loads(done.stdout)["findings"]}
    assert found["server"]["told"].startswith("PostgreSQL ")
    assert found["schema"]["state"] == found["connections"]["state"] == found["log"]["state"] == "ok"
    assert found["fsync"]["state"] == "wrong"  # the tests' own server does without
    assert done.exit_code == 1
