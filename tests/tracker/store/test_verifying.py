"""Each fault of a log is found: made on purpose, past the triggers, on both databases."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from tests.builders import NOON, SECOND, appends, completed, error, progressed, stage_completed, started
from tracker.store import open_snapshot, open_store

_DAMAGE = {
    "an event in the middle": ("DELETE FROM events WHERE position = 12", "Events are missing: from position 12 to 12."),
    "the last events": ("DELETE FROM events WHERE position > 20", "there are no events after 20."),
    "the first event above the horizon": ("DELETE FROM events WHERE position = 6", "from position 6 to 6."),
    "the head": ("UPDATE log_head SET position = 15", "the log ends at 15."),
    "a sequence": ("UPDATE events SET sequence = 77 WHERE position = 12", "has sequence 77 after 4."),
    "a type": ("UPDATE events SET type = 'job_started' WHERE position = 12", "has job_started as its event 2."),
    "what an event says": (
        "UPDATE events SET payload = replace(payload, 'lost', 'lust') WHERE position = 14",
        "Job 'job-2' is not what its events say.",
    ),
    "a job's status": ("UPDATE jobs SET status = 'failed' WHERE job_id = 'job-3'", "is not what its events say."),
    "a job that is gone": ("DELETE FROM jobs WHERE job_id = 'job-3'", "Job 'job-3' has events, and is not among"),
    "a job of nothing": (
        "INSERT INTO jobs SELECT 'ghost', status, 99, position, stage, photo_id, started_at, updated_at, completed_at,"
        " duration, error_types, message, state FROM jobs WHERE job_id = 'job-3'",
        "Job 'ghost' has no events.",
    ),
    "a counter": ("UPDATE statistics SET amount = amount + 1", "counters of the statistics are not what"),
    "a grave of a living job": (
        "INSERT INTO tombstones VALUES ('job-3', 1, 99, 0)",
        "Job 'job-3' is pruned up to position 99, which is above the horizon.",
    ),
    "a job that is pruned and there": ("INSERT INTO tombstones VALUES ('job-3', 1, 1, 0)", "is pruned and there."),
    "events of a job that was pruned whole": (
        "INSERT INTO events SELECT 3, 'job-0', 1, type, recorded_at, NULL, payload FROM events WHERE position = 12",
        "Job 'job-0' was pruned whole, but 1 of its events are there.",
    ),
}


@pytest.fixture(params=["database_url", "postgres_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A log with pruned jobs, finished ones, and one at work."""
    url: str = request.getfixturevalue(request.param)
    store = open_store(url)
    for number in range(6):
        job_id = f"job-{number}"
        life = [started(job_id), progressed(job_id, 55), stage_completed(job_id), error(job_id)]
        store.writer.append(
            appends(
                *life, *([completed(job_id)] if number % 2 or number == 0 else []), at=NOON + number * 3600 * SECOND
            )
        )
    while not store.writer.prune(NOON + 3600 * SECOND, NOON, 100).done:
        pass
    store.close()
    return url


@contextlib.contextmanager
def _past_the_triggers(url: str) -> Iterator[sqlite3.Connection | psycopg.Connection]:
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            server.execute("SET session_replication_role = replica")
            yield server
        return
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, made in triggers:
            connection.execute(made)
        connection.commit()


def _faults(url: str) -> list[str]:
    with open_snapshot(url) as log:
        return list(log.faults())


def test_a_log_that_was_only_written_and_pruned_is_sound(url: str) -> None:
    assert _faults(url) == []


@pytest.mark.parametrize("kind", _DAMAGE)
def test_what_is_wrong_is_found(url: str, kind: str) -> None:
    statement, expected = _DAMAGE[kind]
    with _past_the_triggers(url) as connection:
        connection.execute(statement)
    found = _faults(url)
    assert [fault for fault in found if expected in fault], found


def test_a_trigger_that_is_gone_is_missed(url: str) -> None:
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            server.execute("ALTER TABLE events DISABLE TRIGGER events_are_immutable")
    else:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("DROP TRIGGER events_are_immutable")
    assert _faults(url) == ["The trigger events_are_immutable is missing: history can be changed."]


def test_a_damaged_file_is_told(database_url: str) -> None:
    store = open_store(database_url)
    store.writer.append(appends(started("a"), *(progressed("a", 5, message="x" * 500) for _ in range(200))))
    store.close()
    path = Path(database_url.removeprefix("sqlite:///"))
    data = bytearray(path.read_bytes())
    page = data.index(b"x" * 400) // 4096
    data[page * 4096 : page * 4096 + 100] = bytes(100)
    path.write_bytes(data)
    done = CliRunner().invoke(tracker, ["--database", str(path), "verify"])
    assert done.exit_code == 1
    assert "damaged" in done.stderr or "malformed" in done.stderr


def test_the_command_says_what_it_found(url: str) -> None:
    done = CliRunner().invoke(tracker, ["--database", url, "verify"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "is sound: 23 events of 5 jobs, 1 pruned; position 28. Checked in " in done.stdout
    with _past_the_triggers(url) as connection:
        connection.execute("DELETE FROM events WHERE position = 12")
    done = CliRunner().invoke(tracker, ["--database", url, "verify"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Events are missing: from position 12 to 12." in done.stderr
    told = json.loads(CliRunner().invoke(tracker, ["--database", url, "verify", "--json"]).stdout)
    assert (told["success"], told["code"]) == (False, "log_not_sound")
    assert "Events are missing: from position 12 to 12." in told["faults"]
