"""``/events/stream``: the log as Server-Sent Events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, HttpClient, Message, is_unbroken, positions
from tracker.progress_reporter import ProgressReporter


class Stream:
    """A browser's EventSource: the messages, and the id to resume with."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.last_event_id = ""

    async def receive(self) -> Message:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                line = (await self.response.content.readline()).decode()
                assert line, "the stream ended"
                if line.startswith("id: "):
                    self.last_event_id = line[4:].strip()
                elif line.startswith("data: "):
                    message: Message = json.loads(line[6:])
                    if message["type"] != "checkpoint":
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
