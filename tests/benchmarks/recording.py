"""P1 and P2: what it costs to record an event, and to call for it."""

from __future__ import annotations

import queue
import sqlite3
import statistics
import threading
import time
from pathlib import Path

import orjson

from tests.benchmarks.figure import Figure
from tracker.progress_reporter import ProgressReporter
from tracker.receipt import Receipt
from tracker.settings import Settings

EVENTS = 160_000
_CALLS = 20_000
_THREADS = 4
_JOBS = 100
GROUP = 500
_MESSAGE = "Analyzing camera settings..."
_DETAILS = {"camera": "Canon EOS R5", "iso": 800}
_PAYLOAD = orjson.dumps(
    {"photo_id": 1, "stage": "exif_analysis", "progress": 25.0, "message": _MESSAGE, "details": _DETAILS}
).decode()


def reporter_on(folder: Path) -> ProgressReporter:
    """A reporter with a log of its own in the folder."""
    return ProgressReporter(settings=Settings(database_url=f"sqlite:///{folder.as_posix()}/log.db"))


def update(reporter: ProgressReporter, job_id: str) -> Receipt:
    """The call that is measured."""
    return reporter.update_progress(job_id, "exif_analysis", 25.0, _MESSAGE, _DETAILS)


def raw_log(folder: Path) -> sqlite3.Connection:
    """A table of events as ours, and nothing else; every commit is synced."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, job_id TEXT NOT NULL, sequence BIGINT NOT NULL,"
        " type TEXT NOT NULL, recorded_at BIGINT NOT NULL, event_id TEXT, payload TEXT NOT NULL,"
        " UNIQUE (job_id, sequence))"
    )
    return connection


def raw_rows(count: int) -> list[tuple[object, ...]]:
    """The rows that the calls make, of 100 jobs in turn."""
    return [
        (index + 1, f"job_{index % _JOBS}", index // _JOBS + 1, "job_progress", 1_762_689_600_000_000, None, _PAYLOAD)
        for index in range(count)
    ]


def durable_events_a_second(folder: Path) -> float:
    """Four threads report on 100 jobs; until everything is durable."""
    with reporter_on(folder) as reporter:
        start_jobs(reporter)
        begun = time.perf_counter()
        report(reporter)
        return EVENTS / (time.perf_counter() - begun)


def start_jobs(reporter: ProgressReporter, name: str = "job") -> None:
    """A hundred of them."""
    for job in range(_JOBS):
        reporter.start_job(f"{name}_{job}", job)
    reporter.flush()


def report(reporter: ProgressReporter, name: str = "job", count: int = EVENTS) -> None:
    """Four threads report so many events on a hundred jobs; until everything is durable."""

    def run(thread: int) -> None:
        for index in range(thread, count, _THREADS):
            update(reporter, f"{name}_{index % _JOBS}")

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reporter.flush()


def raw_rows_a_second(folder: Path) -> float:
    """The same rows by ``sqlite3.executemany``, 500 a transaction, synced: the events table alone."""
    connection, rows = raw_log(folder), raw_rows(EVENTS)
    begun = time.perf_counter()
    for start in range(0, EVENTS, GROUP):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows[start : start + GROUP])
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - begun
    connection.close()
    return EVENTS / elapsed


def microseconds_a_call(folder: Path) -> float:
    """One thread, receipts ignored; the median call."""
    with reporter_on(folder) as reporter:
        reporter.start_job("job", 1)
        costs = []
        for _ in range(_CALLS):
            begun = time.perf_counter_ns()
            reporter.update_progress("job", "exif_analysis", 25.0, _MESSAGE, _DETAILS)
            costs.append(time.perf_counter_ns() - begun)
    return statistics.median(costs) / 1000


def microseconds_a_put(_: Path) -> float:
    """The same dictionary encoded by orjson and put into a ``queue.Queue``; the median."""
    waiting: queue.Queue[bytes] = queue.Queue()
    costs = []
    for _index in range(_CALLS):
        begun = time.perf_counter_ns()
        waiting.put(
            orjson.dumps({"stage": "exif_analysis", "progress": 25.0, "message": _MESSAGE, "details": _DETAILS})
        )
        costs.append(time.perf_counter_ns() - begun)
    return statistics.median(costs) / 1000


FIGURES = [
    Figure(
        name="P1",
        what="durable events/s, 4 threads, 100 jobs, synced, with projection and head",
        yardstick="sqlite3.executemany of the same rows, 500 a transaction, synced",
        unit="events/s",
        ours=durable_events_a_second,
        theirs=raw_rows_a_second,
        reach=0.6,
        is_short=True,
    ),
    Figure(
        name="P2",
        what="cost of one update_progress to its caller, median",
        yardstick="orjson.dumps + queue.put of the same dictionary, median",
        unit="µs",
        ours=microseconds_a_call,
        theirs=microseconds_a_put,
        reach=2.0,
        bound="at most",
        is_short=True,
    ),
]
