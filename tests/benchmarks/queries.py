"""P8 and time travel: what it costs to ask a small log and a large one."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Iterator

from api.websocket_server import WebSocketServer
from tests.benchmarks.figure import Figure, Measure
from tests.benchmarks.large_logs import EVENTS_A_JOB, large_log
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_SMALL, _LARGE, _LONG = 10_000, 1_000_000, 10_000
_ASKED = 300


def _milliseconds(count: int, target: str, events_a_job: int = EVENTS_A_JOB) -> list[float]:
    settings = Settings(database_url=f"sqlite:///{large_log(count, events_a_job)}")
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


def _p95(count: int, target: str, events_a_job: int = EVENTS_A_JOB) -> Measure:
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
