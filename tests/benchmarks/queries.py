"""P8 and time travel: what it costs to ask a small log and a large one."""

from __future__ import annotations

import http.client
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from api.websocket_server import WebSocketServer
from tests.benchmarks.figure import Figure, Measure
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store.sqlite import SqliteStore
from tracker.times import MICROSECONDS, now

_SMALL, _LARGE, _LONG = 10_000, 1_000_000, 10_000
_EVENTS_A_JOB = 50
_ASKED = 100
_BEGIN = now() - 3600 * MICROSECONDS  # not so long ago that it would be pruned
_STARTED = '{"photo_id":456,"photo_info":{"file_name":"IMG_0042.CR3"}}'
_PROGRESS = '{"photo_id":456,"stage":"exif_analysis","progress":25.0,"message":"Reading","details":{"iso":800}}'
_COMPLETED = '{"photo_id":456,"success":true,"result":{"score":4.2},"duration":5.2,"stages_completed":[]}'
_folders: list[tempfile.TemporaryDirectory[str]] = []


def _events(count: int, events_a_job: int) -> Iterator[tuple[object, ...]]:
    for index in range(count):
        job, step = divmod(index, events_a_job)
        kind, payload = "job_progress", _PROGRESS
        if step == 0:
            kind, payload = "job_started", _STARTED
        elif step == events_a_job - 1:
            kind, payload = "job_completed", _COMPLETED
        yield index + 1, f"job_{job}", step + 1, kind, _BEGIN + index * 1000, None, payload


@lru_cache
def _log(count: int, events_a_job: int = _EVENTS_A_JOB) -> Path:
    """A log of so many events, built past the recorder and folded once."""
    _folders.append(tempfile.TemporaryDirectory(prefix="jobreel-bench-"))
    path = Path(_folders[-1].name) / "log.db"
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", _events(count, events_a_job))
    connection.execute("UPDATE log_head SET position = ?, projection_version = 0", (count,))
    connection.commit()
    connection.close()
    SqliteStore(path).close()
    return path


def _milliseconds(count: int, target: str, events_a_job: int = _EVENTS_A_JOB) -> list[float]:
    settings = Settings(database_url=f"sqlite:///{_log(count, events_a_job)}")
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        taken = [_ask(connection, target) for _ in range(_ASKED)]
        connection.close()
    return taken[_ASKED // 10 :]


def _ask(connection: http.client.HTTPConnection, target: str) -> float:
    begun = time.perf_counter()
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status == 200, body
    assert json.loads(body)["success"]
    return taken


def _median(count: int, target: str) -> Measure:
    return lambda _: statistics.median(_milliseconds(count, target))


def _p95(count: int, target: str, events_a_job: int = _EVENTS_A_JOB) -> Measure:
    return lambda _: statistics.quantiles(_milliseconds(count, target, events_a_job), n=20)[-1]


def _grown(name: str, target: str) -> Iterator[Figure]:
    yield Figure(
        name="P8",
        what=f"{name} at {_LARGE:,} events, median",
        yardstick=f"the same at {_SMALL:,} events",
        unit="ms",
        ours=_median(_LARGE, target),
        theirs=_median(_SMALL, target),
        reach=1.2,
        bound="at most",
        rounds=3,
    )
    yield Figure(
        name="P8",
        what=f"{name} at {_LARGE:,} events, p95",
        yardstick="absolute",
        unit="ms",
        ours=_p95(_LARGE, target),
        theirs=None,
        reach=10,
        bound="at most",
        rounds=3,
    )


FIGURES = [
    *_grown("GET /jobs", "/jobs"),
    *_grown("GET /progress/job/{id}", "/progress/job/job_7"),
    Figure(
        name="as_of",
        what=f"GET /jobs/{{id}}?as_of= of a job with {_LONG:,} events, p95",
        yardstick="absolute",
        unit="ms",
        ours=_p95(_LONG, f"/jobs/job_0?as_of={_LONG - 1}", _LONG),
        theirs=None,
        reach=50,
        bound="at most",
        rounds=3,
    ),
]
