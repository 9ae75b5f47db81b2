"""A job that is not what its events say is found, without reading the whole log."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from api import drift
from api.drift import is_its_events, watch_drift
from tests.builders import completed, progressed, started
from tests.tracker.doubles import WAIT
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import open_reader


@pytest.fixture
def log(database_url: str) -> str:
    with Tracker(Settings(database_url=database_url)) as tracker:
        for name in ("a", "b"):
            tracker.recorder.record(started(name), *(progressed(name, step % 100) for step in range(1200))).wait(WAIT)
        tracker.recorder.record(completed("a")).wait(WAIT)
    return database_url


async def test_jobs_are_what_their_events_say_until_somebody_changes_them(log: str) -> None:
    reader = open_reader(log)
    jobs = await reader.list_jobs(None, None, 10)
    assert [await is_its_events(reader, job) for job in jobs] == [True, True]
    with closing(sqlite3.connect(log.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE jobs SET state = json_set(state, '$.progress', 1.5) WHERE job_id = 'b'")
    found = {job.job_id: await is_its_events(reader, job) for job in await reader.list_jobs(None, None, 10)}
    assert found == {"a": True, "b": False}
    await reader.close()


async def test_a_job_that_was_pruned_meanwhile_is_no_drift(log: str) -> None:
    reader = open_reader(log)
    (job,) = [job for job in await reader.list_jobs(None, None, 10) if job.job_id == "a"]
    with Tracker(Settings(database_url=log)) as tracker:
        tracker.recorder.ask(lambda writer: writer.prune(2**53, 2**53, 500))  # begun, and not done
    assert await is_its_events(reader, job)
    await reader.close()


async def test_what_differs_is_counted_and_logged(
    log: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drift, "_PAUSE_SECONDS", 0.001)
    with closing(sqlite3.connect(log.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE jobs SET state = json_set(state, '$.message', 'other') WHERE job_id = 'b'")
    reader, seen, told = open_reader(log), list[tuple[int, int]](), asyncio.Event()

    def compared(jobs: int, differing: int) -> None:
        seen.append((jobs, differing))
        told.set()

    watching = asyncio.create_task(watch_drift(reader, compared))
    await asyncio.wait_for(told.wait(), WAIT)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert seen[0] == (2, 1)
    assert "Job b is not what its events say" in caplog.text
    await reader.close()
