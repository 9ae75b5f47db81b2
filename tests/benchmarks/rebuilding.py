"""P7: how fast the projections are folded from the log anew."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from tests.benchmarks.exporting import fill, url
from tests.benchmarks.figure import Figure
from tracker.store import open_store
from tracker.store.rows import EVENT_COLUMNS

_EVENTS = 200_000


def rebuilt_events_a_second(folder: Path) -> float:
    """Status, search and statistics of 4,000 jobs, in one transaction."""
    fill(folder, _EVENTS)
    store = open_store(url(folder))
    begun = time.perf_counter()
    store.writer.rebuild()
    taken = time.perf_counter() - begun
    store.close()
    return _EVENTS / taken


def read_events_a_second(folder: Path) -> float:
    """The same rows, job by job, and nothing done with them."""
    fill(folder, _EVENTS)
    connection = sqlite3.connect(folder / "log.db")
    begun = time.perf_counter()
    rows = connection.execute(f"SELECT {', '.join(EVENT_COLUMNS)} FROM events ORDER BY job_id, sequence")
    while rows.fetchmany(1000):
        pass
    taken = time.perf_counter() - begun
    connection.close()
    return _EVENTS / taken


FIGURES = [
    Figure(
        name="P7",
        what=f"events/s of a rebuild of all projections, {_EVENTS:,} events",
        yardstick="SELECT … ORDER BY job_id, sequence; fetchmany of the same rows",
        unit="events/s",
        ours=rebuilt_events_a_second,
        theirs=read_events_a_second,
        reach=0.25,
    ),
]
