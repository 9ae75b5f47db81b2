"""What is counted, and that nothing from outside becomes a label."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.api.clients import HttpClient, SocketClient


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
    assert (counted["jobreel_log_position",], counted["jobreel_writable",]) == (1, 1)


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
