"""What is counted, and that nothing from outside becomes a label."""

from __future__ import annotations

import asyncio
import threading

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import Metrics
from tests.api.clients import PATIENCE_SECONDS, HttpClient, SocketClient
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter
from tracker.store.base import LogHead


async def samples(http: HttpClient) -> dict[tuple[str, ...], float]:
    answer = await http.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_and_status(http: HttpClient) -> None:
    await http.post("/events", {"type": "job_started", "job_id": "j"})
    for path in ("/jobs/j", "/jobs/nobody", "/jobs/nobody2", "/nothing", "/also/nothing"):
        await http.get(path)
    await http.get("/ws/status")  # the feed has reached the head then
    counted = await samples(http)
    assert counted["jobreel_requests_total", "POST", "/events", "200"] == 1
    assert counted["jobreel_requests_total", "GET", "/jobs/{job_id}", "200"] == 1
    assert counted["jobreel_requests_total", "GET", "/jobs/{job_id}", "404"] == 2
    assert counted["jobreel_requests_total", "GET", "other", "404"] == 2
    assert counted["jobreel_refused_total", "job_not_found"] == 2
    assert counted["jobreel_request_seconds_count", "/events"] == 1
    assert counted["jobreel_events_total",] == 1
    assert (counted["jobreel_log_position",], counted["jobreel_writable",]) == (1, 1)
    assert (counted["jobreel_log_head",], counted["jobreel_log_horizon",]) == (1, 0)


async def test_clients_are_counted_by_transport(http: HttpClient, socket: SocketClient) -> None:
    await http.post("/ws/handshake", {})
    counted = await samples(http)
    assert [counted["jobreel_clients", transport] for transport in ("websocket", "sse", "poll")] == [1, 0, 1]


async def test_what_comes_from_outside_is_no_label(http: HttpClient) -> None:
    for number in range(5):
        await http.request("DELETE", f"/{number}?token=secret")
    text = (await http.get("/metrics")).body
    assert "secret" not in text
    assert 'jobreel_requests_total{method="other",route="other"' in text


async def test_the_queue_is_looked_at_when_somebody_asks(http: HttpClient, served: ProgressReporter) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        writing.set()
        assert go_on.wait(PATIENCE_SECONDS)

    held = asyncio.create_task(asyncio.to_thread(served.tracker.recorder.ask, hold))
    try:
        assert await asyncio.to_thread(writing.wait, PATIENCE_SECONDS)
        empty = await samples(http)
        for number in range(3):
            served.start_job(f"j{number}")
        full = await samples(http)
    finally:
        go_on.set()
        await held
    assert full["jobreel_queue_events",] - empty["jobreel_queue_events",] == 3
    assert full["jobreel_queue_bytes",] - empty["jobreel_queue_bytes",] > 3 * 600
    await asyncio.to_thread(served.flush)
    after = await samples(http)
    assert (after["jobreel_queue_events",], after["jobreel_queue_bytes",]) == (0, 0)
    assert after["jobreel_events_total",] == 3


async def test_a_log_that_cannot_be_read_takes_only_its_own_numbers_away() -> None:
    metrics, head = Metrics(), LogHead(7, 3, "epoch")
    trouble: list[StoreUnavailable] = []

    async def read() -> LogHead:
        if trouble:
            raise trouble[0]
        return head

    metrics.watch(lambda: {"writable": 0}, read, ())
    text = (await metrics.text()).decode()
    assert "jobreel_log_head 7.0" in text
    assert "jobreel_log_horizon 3.0" in text
    trouble.append(StoreUnavailable("The disk is gone."))
    text = (await metrics.text()).decode()
    assert "jobreel_writable 0.0" in text
    assert "jobreel_log_head" not in text
    assert "jobreel_log_horizon" not in text


async def test_labels_are_bounded_whatever_is_asked_for() -> None:
    app = web.Application()
    app.router.add_get("/jobs/{job_id}", _nothing)
    metrics = Metrics()
    metrics.watch(dict, _head, ())
    await _answer(metrics, app, "GET", "/jobs/0")
    await _answer(metrics, app, "BREW", "/0")
    bounded = (await metrics.text()).count(b"\n")
    for number in range(1000):
        await _answer(metrics, app, "GET", f"/jobs/{number}")
        await _answer(metrics, app, f"BREW{number}", f"/{number}")
    assert (await metrics.text()).count(b"\n") == bounded


async def test_each_server_counts_for_itself() -> None:
    one, other = Metrics(), Metrics()
    for metrics in (one, other):
        metrics.watch(dict, _head, ())
    one.refused("unauthorized")
    assert b'jobreel_refused_total{code="unauthorized"} 1.0' in await one.text()
    assert b"unauthorized" not in await other.text()


async def _nothing(_: web.Request) -> web.Response:
    return web.Response()


async def _head() -> LogHead:
    return LogHead(0, 0, "epoch")


async def _answer(metrics: Metrics, app: web.Application, method: str, path: str) -> None:
    request = make_mocked_request(method, path, app=app)
    request._match_info = await app.router.resolve(request)
    metrics.answered(request, 200, 0.001)


async def test_commits_are_timed_and_the_wait_is_looked_at(http: HttpClient, served: ProgressReporter) -> None:
    await http.post("/events", {"type": "job_started", "job_id": "j"})
    await http.get("/ws/status")
    async with asyncio.timeout(PATIENCE_SECONDS):  # the event is acknowledged a moment before it is done with
        while (counted := await samples(http))["jobreel_queue_oldest_seconds",]:
            pass
    assert counted["jobreel_commit_seconds_count",] == counted["jobreel_commit_calls_count",] == 1
    assert counted["jobreel_commit_calls_sum",] == 1
    assert counted["jobreel_feed_lag_events",] == 0
    assert counted["jobreel_write_ahead_log_bytes",] > 0
    assert counted["jobreel_slow_clients_cut_total",] == 0
    assert counted["jobreel_projection_differing_total",] == 0


async def test_who_waits_to_be_written_is_seen(http: HttpClient, served: ProgressReporter) -> None:
    go_on = threading.Event()
    held = asyncio.create_task(asyncio.to_thread(served.tracker.recorder.ask, lambda _: go_on.wait(PATIENCE_SECONDS)))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await samples(http))["jobreel_queue_oldest_seconds",] < 0.05:
                await asyncio.sleep(0.01)
    finally:
        go_on.set()
        await held
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await samples(http))["jobreel_queue_oldest_seconds",]:
            await asyncio.sleep(0.01)
