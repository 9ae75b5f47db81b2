"""For monitors and people: who is connected, whether the log can be written, what there is."""

from __future__ import annotations

import asyncio
import time

import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, SocketClient, socket_client
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter


async def test_the_status_of_a_server_without_clients(http: HttpClient) -> None:
    answer = await http.get("/ws/status")
    assert answer.status == 200
    epoch = answer.body.pop("epoch")
    assert isinstance(epoch, str)
    assert answer.body == {
        "success": True,
        "status": "running",
        "connected_clients": 0,
        "clients": [],
        "head": 0,
        "horizon": 0,
    }


async def test_the_status_describes_every_client(
    http: HttpClient, socket: SocketClient, served: ProgressReporter
) -> None:
    await socket.ask({"type": "register", "client_type": "gui", "client_name": "Desk"})
    await socket.subscribe("photos", "jobs")
    served.start_job("j").wait()
    await socket.receive()
    body = (await http.get("/ws/status")).body
    assert (body["connected_clients"], body["head"]) == (1, 1)
    (client,) = body["clients"]
    since = client.pop("connected_since")
    assert since.endswith("Z")
    assert client == {
        "client_id": socket.welcome["client_id"],
        "client_type": "gui",
        "client_name": "Desk",
        "transport": "websocket",
        "channels": ["jobs", "photos"],
        "cursor": 1,
        "lag": 0,
    }


async def test_a_client_that_follows_nothing_has_no_cursor(http: HttpClient, socket: SocketClient) -> None:
    (client,) = (await http.get("/ws/status")).body["clients"]
    assert (client["channels"], client["cursor"], client["lag"]) == ([], None, 0)
    assert (client["client_type"], client["client_name"]) == (None, None)


async def test_a_client_that_left_is_gone_from_the_status(http: HttpClient, server: WebSocketServer) -> None:
    async with socket_client(server.url) as leaving:
        assert (await http.get("/ws/status")).body["connected_clients"] == 1
        assert await leaving.is_silent()
    assert (await http.get("/ws/status")).body["connected_clients"] == 0


async def test_the_server_is_alive_and_ready(http: HttpClient) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await http.get(path)
        assert (answer.status, answer.body) == (200, {"success": True, "status": status})


async def test_it_is_alive_but_not_ready_while_the_log_cannot_be_written(
    http: HttpClient, served: ProgressReporter
) -> None:
    recorder = served.tracker.recorder
    recorder._unavailable, recorder._try_again_at = StoreUnavailable("The disk is full."), time.monotonic() + 2
    answer = await http.get("/readyz")
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert (await http.get("/healthz")).status == 200
    async with asyncio.timeout(20):  # with nobody who tries it, nothing is known of the log after a second
        while (await http.get("/readyz")).status != 200:
            await asyncio.sleep(0.05)


async def test_the_index_names_every_path(http: HttpClient) -> None:
    body = (await http.get("/")).body
    assert (body["success"], body["name"]) == (True, "jobreel")
    assert {"/events", "/jobs", "/progress/report", "/progress/job/{job_id}", "/ws", "/ws/status"} <= set(body["paths"])


@pytest.mark.parametrize("path", ["/nothing", "/progress", "/progress/job/", "/progress/job", "/jobs/a/b", "/ws/x"])
async def test_an_unknown_path_is_a_404_with_the_one_body(http: HttpClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status == 404
    assert answer.body == {"success": False, "error": f"There is nothing at {path}.", "code": "not_found"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/progress/active"),
        ("POST", "/jobs"),
        ("GET", "/progress/report"),
        ("GET", "/progress/start"),
        ("DELETE", "/jobs/j"),
        ("PUT", "/events"),
        ("DELETE", "/events"),
        ("PATCH", "/ws/status"),
    ],
)
async def test_another_method_is_a_405_that_says_which_are_possible(http: HttpClient, method: str, path: str) -> None:
    answer = await http.request(method, path)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (405, False, "method_not_allowed")
    assert answer.headers["Allow"]
    assert method not in answer.headers["Allow"].split(",")


async def test_asking_for_the_websocket_without_an_upgrade_is_a_400(http: HttpClient) -> None:
    answer = await http.get("/ws")
    assert (answer.status, answer.body["success"]) == (400, False)
