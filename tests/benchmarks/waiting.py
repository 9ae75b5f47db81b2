"""P3: what callers get that wait until each of their events is durable."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from tests.benchmarks.figure import Figure
from tests.benchmarks.recording import raw_log, raw_rows, reporter_on, update

_ALONE = 4000
_CALLERS = 64
_EACH = 250


def awaited_events_a_second(folder: Path) -> float:
    """One caller that waits for each receipt."""
    with reporter_on(folder) as reporter:
        reporter.start_job("job_0", 1).wait()
        begun = time.perf_counter()
        for _ in range(_ALONE):
            update(reporter, "job_0").wait()
        return _ALONE / (time.perf_counter() - begun)


def awaited_by_many_a_second(folder: Path) -> float:
    """64 callers at once, each of which waits for each of its receipts."""
    with reporter_on(folder) as reporter:
        for job in range(_CALLERS):
            reporter.start_job(f"job_{job}", job)
        reporter.flush()

        def report(job: int) -> None:
            for _ in range(_EACH):
                update(reporter, f"job_{job}").wait()

        callers = [threading.Thread(target=report, args=(job,)) for job in range(_CALLERS)]
        begun = time.perf_counter()
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return _CALLERS * _EACH / (time.perf_counter() - begun)


def raw_commits_a_second(folder: Path) -> float:
    """The same row by ``sqlite3``, one a transaction, each synced: the events table alone."""
    connection = raw_log(folder)
    rows = raw_rows(_ALONE)
    begun = time.perf_counter()
    for row in rows:
        _commit(connection, row)
    elapsed = time.perf_counter() - begun
    connection.close()
    return _ALONE / elapsed


def _commit(connection: sqlite3.Connection, row: tuple[object, ...]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("COMMIT")


FIGURES = [
    Figure(
        name="P3",
        what="durable events/s of one caller that waits for each receipt",
        yardstick="sqlite3, one row a synced commit",
        unit="events/s",
        ours=awaited_events_a_second,
        theirs=raw_commits_a_second,
        reach=0.4,
        is_short=True,
    ),
    Figure(
        name="P3b",
        what=f"the same of {_CALLERS} callers at once",
        yardstick="sqlite3, one row a synced commit",
        unit="events/s",
        ours=awaited_by_many_a_second,
        theirs=raw_commits_a_second,
        reach=3,
        is_short=True,
    ),
]
