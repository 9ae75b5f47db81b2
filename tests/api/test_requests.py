"""A body that does not come in time is not waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.api.bad_inputs import progress
from tests.api.clients import HttpClient
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_PATIENCE_SECONDS = 0.5
_WITHIN_SECONDS = 10.0


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, body_timeout_seconds=_PATIENCE_SECONDS)


@pytest.fixture
def head(served: ProgressReporter) -> int:
    """The job ``job`` is active; the position of the last event."""
    return served.start_job("job").wait()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def streams(served: ProgressReporter, server: WebSocketServer, quiet_log: None) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    writer.close()


def request(size: int, path: str = "/events", content_type: str = "application/json") -> bytes:
    """The head of a request with a body of so many bytes."""
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}", f"Content-Length: {size}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """The status, the headers in small letters, and the JSON of the next answer."""
    async with asyncio.timeout(_WITHIN_SECONDS):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/events", b""),
        ("/events", b'{"type":'),
        ("/progress/start", b"{"),
        ("/progress/complete", b""),
        ("/ws/handshake", b""),
        ("/ws/send", b"{"),
        ("/ws/disconnect", b""),
    ],
)
async def test_a_body_that_does_not_come_is_a_408_and_the_end(
    streams: Streams, http: HttpClient, head: int, path: str, sent: bytes
) -> None:
    reader, writer = streams
    begun = time.monotonic()
    writer.write(request(100, path) + sent)
    status, headers, body = await answer(reader)
    assert time.monotonic() - begun >= _PATIENCE_SECONDS
    assert (status, body["success"], body["code"]) == (408, False, "request_timeout")
    assert body["error"] == "The body did not come within 0.5 s."
    assert headers["connection"] == "close"
    async with asyncio.timeout(_WITHIN_SECONDS):
        assert await reader.read() == b""
    assert await http.head() == head


async def test_a_body_that_comes_in_drops_is_a_408_all_the_same(streams: Streams, http: HttpClient, head: int) -> None:
    reader, writer = streams
    writer.write(request(10_000))
    answering = asyncio.create_task(answer(reader))
    while not answering.done():
        writer.write(b" ")
        await asyncio.sleep(0.05)
    status, _, body = await answering
    assert (status, body["code"]) == (408, "request_timeout")
    assert await http.head() == head


async def test_a_body_that_comes_in_pieces_is_read_if_it_comes_in_time(streams: Streams, head: int) -> None:
    reader, writer = streams
    body = progress()
    for _ in range(2):  # each request has its own time
        writer.write(request(len(body)))
        for start in range(0, len(body), 10):
            writer.write(body[start : start + 10])
            await asyncio.sleep(_PATIENCE_SECONDS * 5 / len(body))
        status, headers, _ = await answer(reader)
        assert (status, headers.get("connection")) == (200, None)


async def test_a_body_that_is_not_wanted_is_not_waited_for(streams: Streams, head: int) -> None:
    reader, writer = streams
    begun = time.monotonic()
    writer.write(request(100, content_type="text/plain"))
    status, _, _ = await answer(reader)
    assert status == 415
    assert time.monotonic() - begun < _PATIENCE_SECONDS
