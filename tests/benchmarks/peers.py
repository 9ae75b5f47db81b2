"""A public library for event sourcing on SQLite, at the same work: events of jobs, durable when the call returns.

``eventsourcing`` writes with its own defaults: a WAL, and every commit synced, as ours is. It keeps events and no
projection; an aggregate is a job, one event a call. Its best case is one save of many events of one aggregate.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.benchmarks.figure import Figure
from tests.benchmarks.recording import durable_events_a_second
from tests.benchmarks.waiting import awaited_events_a_second

_ALONE, _TOGETHER, _GROUP = 1000, 20_000, 500
_PROGRESS = ("exif_analysis", 25.0, "Analyzing camera settings...", {"camera": "Canon EOS R5", "iso": 800})


def _application(folder: Path) -> tuple[Any, Any]:
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Job(Aggregate):
        @event("Progressed")
        def progress(self, stage: str, progress: float, message: str, details: dict[str, Any]) -> None:
            self.stage = stage

    environment = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "peer.db")}
    return Application(env=environment), Job()


def peer_one_by_one(folder: Path) -> float:
    """An event a save."""
    application, job = _application(folder)
    begun = time.perf_counter()
    for _ in range(_ALONE):
        job.progress(*_PROGRESS)
        application.save(job)
    elapsed = time.perf_counter() - begun
    application.close()
    return _ALONE / elapsed


def peer_together(folder: Path) -> float:
    """500 events a save."""
    application, job = _application(folder)
    begun = time.perf_counter()
    for _ in range(_TOGETHER // _GROUP):
        for _ in range(_GROUP):
            job.progress(*_PROGRESS)
        application.save(job)
    elapsed = time.perf_counter() - begun
    application.close()
    return _TOGETHER / elapsed


FIGURES = [
    Figure(
        name="P3 peer",
        what="durable events/s of one caller that waits for each",
        yardstick="eventsourcing on SQLite, an event a save",
        unit="events/s",
        ours=awaited_events_a_second,
        theirs=peer_one_by_one,
        reach=1,
        rounds=5,
    ),
    Figure(
        name="P1 peer",
        what="durable events/s, 4 threads, 100 jobs",
        yardstick=f"eventsourcing on SQLite, one aggregate, {_GROUP} events a save",
        unit="events/s",
        ours=durable_events_a_second,
        theirs=peer_together,
        reach=1,
        rounds=5,
    ),
]
