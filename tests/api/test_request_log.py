"""One line for each request, without its query, with who asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, http_client, socket_client
from tracker import tokens
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_token_table
from tracker.times import now

Line = dict[str, Any]
_FIELDS = ("method", "path", "status", "milliseconds", "address", "token")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, log_requests=True)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Line]]:
    """The fields of the requests that were logged so far."""
    caplog.set_level(logging.INFO, "tracker.requests")

    def logged() -> list[Line]:
        records = [vars(record) for record in caplog.records if record.name == "tracker.requests"]
        return [{name: record[name] for name in _FIELDS if name in record} for record in records]

    return logged


async def _wait_for(lines: Callable[[], list[Line]], path: str) -> Line:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = [line for line in lines() if line["path"] == path]
            if found:
                return found[-1]
            await asyncio.sleep(0.01)


async def test_a_request_is_one_line_without_its_query(
    served: ProgressReporter,
    server: WebSocketServer,
    lines: Callable[[], list[Line]],
    caplog: pytest.LogCaptureFixture,
    quiet_log: None,
) -> None:
    async with http_client(server.url) as http:
        await http.get("/jobs", limit=7)
        await http.get("/nothing", secret="s3cret")
        line = await _wait_for(lines, "/nothing")
    assert line.pop("milliseconds") >= 0
    assert line == {"method": "GET", "path": "/nothing", "status": 404, "address": "127.0.0.1"}
    assert [(one["path"], one["status"]) for one in lines()] == [("/jobs", 200), ("/nothing", 404)]
    texts = [record.getMessage() for record in caplog.records if record.name == "tracker.requests"]
    assert texts[1].startswith("GET /nothing 404 ")
    assert texts[1].endswith(" ms 127.0.0.1")
    assert not [text for text in texts if "s3cret" in text or "limit" in text or "?" in text]


async def test_a_path_cannot_forge_a_line_nor_show_a_token(
    served: ProgressReporter, server: WebSocketServer, lines: Callable[[], list[Line]], quiet_log: None
) -> None:
    token, stored = tokens.make("lightroom", ["report"], now=0)
    async with http_client(server.url) as http:
        await http.get_encoded(f"/jobs/a%0Ab%1B%5B31m{token}")
        line = await _wait_for(lines, rf"/jobs/a\nb\x1b[31mjobreel_{stored.token_id}_…")
    assert line["path"].isprintable()


async def test_a_websocket_is_logged_at_its_end(
    served: ProgressReporter, server: WebSocketServer, lines: Callable[[], list[Line]], quiet_log: None
) -> None:
    async with socket_client(server.url) as client:
        await client.subscribe("jobs")
        assert lines() == []
    assert (await _wait_for(lines, "/ws"))["status"] == 101


async def test_a_stream_whose_client_leaves_is_logged_too(
    served: ProgressReporter, server: WebSocketServer, lines: Callable[[], list[Line]], quiet_log: None
) -> None:
    async with http_client(server.url) as http:
        async with http._session.get(f"{server.url}/events/stream") as events:
            await events.content.readline()
            assert lines() == []
        line = await _wait_for(lines, "/events/stream")
    assert (line["method"], line["status"], line["address"]) == ("GET", 499, "127.0.0.1")
    assert len(lines()) == 1


async def test_who_showed_a_token_is_named_and_the_token_is_not(
    settings: Settings, server: WebSocketServer, lines: Callable[[], list[Line]], caplog: pytest.LogCaptureFixture
) -> None:
    text = _token(settings, "wall")
    with ProgressReporter(server, settings=replace(settings, require_token=True)):
        async with http_client(server.url) as http:
            await http.request("GET", "/jobs", headers={"Authorization": f"Bearer {text}"})
            await http.get("/progress/active")
            refused = await _wait_for(lines, "/progress/active")
    shown = await _wait_for(lines, "/jobs")
    assert (shown["status"], shown["token"]) == (200, "wall")
    assert (refused["status"], "token" in refused) == (401, False)
    assert any(record.getMessage().endswith(" ms 127.0.0.1 as wall") for record in caplog.records)
    assert text not in caplog.text


async def test_behind_a_proxy_the_address_is_the_clients(
    settings: Settings, server: WebSocketServer, lines: Callable[[], list[Line]]
) -> None:
    behind = replace(settings, trust_proxy="127.0.0.0/8", insecure=True)
    with ProgressReporter(server, settings=behind):
        async with http_client(server.url) as http:
            await http.request("GET", "/jobs", headers={"X-Forwarded-For": "192.0.2.7"})
            assert (await _wait_for(lines, "/jobs"))["address"] == "192.0.2.7"


async def test_what_is_not_http_is_one_line(
    served: ProgressReporter, server: WebSocketServer, lines: Callable[[], list[Line]]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /jobs?secret=1 HTTP/9\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert b" 400 " in await reader.read()
    writer.close()
    assert [(line["path"], line["status"]) for line in lines()] == [("/", 400)]


async def test_nothing_is_logged_unless_it_is_wanted(
    settings: Settings, server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for is_wanted in (False, True):
        caplog.clear()
        fresh = WebSocketServer(port=0)
        with ProgressReporter(fresh, settings=replace(settings, log_requests=is_wanted)):
            async with http_client(fresh.url) as http:
                await http.get("/jobs")
        assert ("/jobs" in caplog.text) is is_wanted


def _token(settings: Settings, name: str) -> str:
    text, token = tokens.make(name, ["read"], now=now())
    table = open_token_table(settings.database_url)
    table.create(token, "tester")
    table.close()
    return text
