"""``/events/stream``: the log as Server-Sent Events."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, HttpClient, Message, http_client, is_unbroken, positions
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings


class Stream:
    """A browser's EventSource: the messages, and the id to resume with."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.last_event_id = ""

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = (await self.response.content.readline()).decode()
        assert line, "the stream ended"
        return line

    async def receive(self, *, checkpoints: bool = False) -> Message:
        """The next message; checkpoints, which come by the clock, only where they are asked for."""
        while True:
            line = await self.line()
            if line.startswith("id: "):
                self.last_event_id = line[4:].strip()
            elif line.startswith("data: "):
                message: Message = json.loads(line[6:])
                if checkpoints or message["type"] != "checkpoint":
                    return message

    async def until(self, kind: str) -> list[Message]:
        messages = [await self.receive()]
        while messages[-1]["type"] != kind:
            messages.append(await self.receive())
        return messages


@asynccontextmanager
async def stream(url: str, query: str = "", last_event_id: str | None = None) -> AsyncIterator[Stream]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/events/stream{query}", headers=headers) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Stream(response)


def report_some(served: ProgressReporter, count: int) -> None:
    served.start_job("j", 456)
    for number in range(count - 1):
        served.update_progress("j", "importing", number % 101)
    served.flush()


async def test_a_stream_begins_with_the_welcome_and_goes_on_live(http: HttpClient, served: ProgressReporter) -> None:
    report_some(served, 5)
    async with stream(http.url) as events:
        welcome, caught_up = await events.until("caught_up")
        assert (welcome["type"], welcome["head"]) == ("connection_established", 5)
        assert caught_up["position"] == 5
        served.send_photo_info("j", {"iso": 800}).wait()
        assert (await events.receive())["photo_data"] == {"iso": 800}
        assert events.last_event_id == f"6@{welcome['epoch']}"


async def test_a_stream_from_a_cursor_has_everything_above_it(http: HttpClient, served: ProgressReporter) -> None:
    report_some(served, 1200)
    async with stream(http.url, "?after=7") as events:
        messages = await events.until("caught_up")
    assert positions(messages[:-1]) == list(range(8, 1201))
    assert is_unbroken(messages[:-1], 7)


async def test_the_last_event_id_resumes_and_goes_before_after(http: HttpClient, served: ProgressReporter) -> None:
    report_some(served, 10)
    async with stream(http.url, "?after=0&job_id=j") as events:
        while events.last_event_id.partition("@")[0] != "4":
            await events.receive()
    async with stream(http.url, "?after=0&job_id=j", events.last_event_id) as resumed:
        messages = await resumed.until("caught_up")
    assert positions(messages[:-1]) == [5, 6, 7, 8, 9, 10]


async def test_an_id_of_another_log_is_reset(http: HttpClient, served: ProgressReporter) -> None:
    report_some(served, 3)
    async with stream(http.url, last_event_id="700@another") as events:
        messages = await events.until("caught_up")
    assert messages[1]["type"] == "reset"
    assert positions(messages[:-1]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("&channel=photos", [1, 3]), ("&type=job_progress", [2]), ("&job_id=k", []), ("", [1, 2, 3])],
)
async def test_a_stream_is_filtered(
    http: HttpClient, served: ProgressReporter, query: str, expected: list[int]
) -> None:
    served.start_job("j")
    served.update_progress("j", "importing", 1)
    served.send_photo_info("j", {}).wait()
    async with stream(http.url, f"?after=0{query}") as events:
        assert positions((await events.until("caught_up"))[:-1]) == expected


@pytest.mark.parametrize("query", ["after=-1", "after=99", "after=x", "channel=x", "type=x", "limit=5", "job_id="])
async def test_a_stream_that_makes_no_sense_is_a_400(http: HttpClient, query: str) -> None:
    answer = await http.get_encoded(f"/events/stream?{query}")
    assert (answer.status, answer.body["code"]) == (400, "invalid_query")


async def test_a_stream_is_described_in_the_status_until_it_ends(http: HttpClient) -> None:
    async with stream(http.url, "?channel=jobs") as events:
        await events.until("caught_up")
        (client,) = (await http.get("/ws/status")).body["clients"]
        assert (client["transport"], client["channels"], client["cursor"]) == ("sse", ["jobs"], 0)


async def test_a_stream_ends_when_the_server_stops(
    server: WebSocketServer, served: ProgressReporter, quiet_log: None
) -> None:
    async with stream(server.url) as events:
        await events.until("caught_up")
        served.start_job("j")
        await asyncio.to_thread(served.close)
        assert (await events.receive())["type"] == "job_started"
        async with asyncio.timeout(PATIENCE_SECONDS):
            await events.response.content.read()  # to the end


@pytest.mark.parametrize("after", [0, 2])
async def test_a_place_below_the_horizon_is_told_what_was_pruned(
    http: HttpClient, served: ProgressReporter, after: int
) -> None:
    report_some(served, 2)
    served.complete_job("j").wait()
    served.tracker.retention.prune_once(2**60)
    epoch = (await http.get("/ws/status")).body["epoch"]
    for query, last_event_id in ((f"?after={after}", None), ("", f"{after}@{epoch}")):
        async with stream(http.url, query, last_event_id) as events:
            messages = await events.until("caught_up")
        assert messages[1] == {"type": "truncated", "after": after, "horizon": 3}


async def test_a_place_is_taken_with_the_log_it_is_of(http: HttpClient, served: ProgressReporter) -> None:
    report_some(served, 3)
    epoch = (await http.get("/ws/status")).body["epoch"]
    async with stream(http.url, f"?after=2&epoch={epoch}") as events:
        assert positions((await events.until("caught_up"))[1:-1]) == [3]
    async with stream(http.url, "?after=2&epoch=another") as events:
        assert [message["type"] for message in await events.until("job_started")][1] == "reset"


@pytest.mark.parametrize("last_event_id", ["99", "x", "-1@e", "1.5"])
async def test_an_id_that_makes_no_sense_is_a_400(http: HttpClient, last_event_id: str) -> None:
    answer = await http.request("GET", "/events/stream", headers={"Last-Event-ID": last_event_id})
    assert (answer.status, answer.body["code"]) == (400, "invalid_query")


async def test_a_live_stream_is_unbroken_under_its_filter(http: HttpClient, served: ProgressReporter) -> None:
    async with stream(http.url, "?type=stage_completed&after=0") as events:
        await events.until("caught_up")
        served.start_job("j")
        for _ in range(20):
            served.update_progress("j", "importing", 1)
            served.complete_stage("j", "importing")
        messages = [await events.receive() for _ in range(20)]
    assert positions(messages) == list(range(3, 42, 2))
    assert is_unbroken(messages, 0)
    assert messages[-1]["prev"] == 39


async def test_a_stream_needs_http_1_1(http: HttpClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(http.url))
    writer.write(b"GET /events/stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b" 505 " in answer.splitlines()[0]
    assert b'"code":"http_version_not_supported"' in answer


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@asynccontextmanager
async def serving(settings: Settings, **changes: float) -> AsyncIterator[tuple[str, ProgressReporter]]:
    """A server with other settings."""
    server = WebSocketServer(port=0)
    changed: Settings = replace(settings, **changes)  # type: ignore[arg-type]
    with ProgressReporter(server, settings=changed) as reporter:
        yield server.url, reporter
        await asyncio.to_thread(reporter.close)


async def test_a_stream_that_has_nothing_to_say_tells_how_far_it_is_complete(
    settings: Settings, quiet_log: None
) -> None:
    async with serving(settings, checkpoint_interval_seconds=0.05) as (url, reporter):
        async with stream(url, "?channel=photos&after=0") as events:
            welcome = await events.receive()
            await events.until("caught_up")
            reporter.start_job("j").wait()
            assert (await events.receive())["type"] == "job_started"
            reporter.update_progress("j", "importing", 1).wait()
            assert await events.receive(checkpoints=True) == {"type": "checkpoint", "position": 2, "prev": 1}
            assert events.last_event_id == f"2@{welcome['epoch']}"
            while not (await events.line()).startswith(":"):
                pass  # a comment: there is nothing new to be told
        reporter.send_photo_info("j", {}).wait()
        async with stream(url, "?channel=photos", events.last_event_id) as resumed:
            messages = await resumed.until("caught_up")
        assert [message["type"] for message in messages] == ["connection_established", "photo_info", "caught_up"]


async def until_nobody_is_connected(http: HttpClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await http.get("/ws/status")).body["connected_clients"]:
            await asyncio.sleep(0.01)


async def raw_stream(port: int, query: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream without a client, for which the system holds little."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection)
    writer.write(f"GET /events/stream{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.readuntil(b"caught_up")
    return reader, writer


async def test_a_stream_that_is_cut_by_its_client_is_listed_no_more(http: HttpClient) -> None:
    _, writer = await raw_stream(port_of(http.url), "")
    assert (await http.get("/ws/status")).body["connected_clients"] == 1
    writer.transport.abort()
    await until_nobody_is_connected(http)


async def test_a_stream_that_is_not_read_is_cut_and_its_client_resumes(settings: Settings, quiet_log: None) -> None:
    async with serving(settings, send_timeout_seconds=0.3) as (url, reporter), http_client(url) as http:
        _, writer = await raw_stream(port_of(url), "?channel=jobs&after=0")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        reporter.start_job("j")
        for _ in range(150):
            reporter.update_progress("j", "importing", 1, "x" * 30_000)
        await until_nobody_is_connected(http)
        writer.transport.abort()
        async with stream(url, last_event_id="0") as events:
            messages = await events.until("caught_up")
        assert positions(messages[1:-1]) == list(range(1, 152))
