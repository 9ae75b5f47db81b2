"""``async for event in subscribe(url)`` against real servers: it outlives them, and misses nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import tracker.client
from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, Message, http_client
from tests.ports import free_port
from tracker.client import ServerRefused, ServerUnreachable, subscribe
from tracker.errors import InvalidQuery
from tracker.progress_reporter import ProgressReporter
from tracker.server_url import websocket_url
from tracker.settings import Settings


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker.client, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(tracker.client, "_LONGEST_PAUSE", 0.05)


class Reader:
    """What ``subscribe`` gives, one by one, and what it was told about the stream."""

    def __init__(self, events: AsyncIterator[Message], notices: asyncio.Queue[Message]) -> None:
        self._events = events
        self._notices = notices

    async def take(self, count: int) -> list[Message]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [await anext(self._events) for _ in range(count)]

    async def positions(self, count: int) -> list[int]:
        return [event["position"] for event in await self.take(count)]

    def begin(self) -> asyncio.Task[Message]:
        """Connect, and wait for the first event."""
        return asyncio.ensure_future(anext(self._events))

    async def notice(self, kind: str) -> Message:
        """The next notice of this kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (notice := await self._notices.get())["type"] != kind:
                pass
        return notice


@asynccontextmanager
async def reading(url: str, **options: Any) -> AsyncIterator[Reader]:
    notices: asyncio.Queue[Message] = asyncio.Queue()
    async with aclosing(subscribe(url, on_notice=notices.put_nowait, **options)) as events:
        yield Reader(events, notices)


def report(reporter: ProgressReporter, *progress: int, job_id: str = "j") -> None:
    for value in progress:
        reporter.update_progress(job_id, "importing", value)
    reporter.flush()


async def test_history_comes_first_and_then_what_is_committed(
    served: ProgressReporter, server: WebSocketServer
) -> None:
    served.start_job("j")
    report(served, *range(100))
    async with reading(server.url, after=0) as reader:
        assert await reader.positions(101) == list(range(1, 102))
        following = reader.begin()
        assert (await reader.notice("caught_up"))["position"] == 101
        served.send_photo_info("j", {"iso": 800}).wait()
        event = await following
    assert (event["type"], event["position"], event["photo_data"]) == ("photo_info", 102, {"iso": 800})


async def test_without_a_place_it_begins_from_now(served: ProgressReporter, server: WebSocketServer) -> None:
    served.start_job("j").wait()
    async with reading(server.url) as reader:
        first = reader.begin()
        assert (await reader.notice("subscription_confirmed"))["after"] == 1
        report(served, 5)
        assert (await first)["position"] == 2


async def test_it_gets_only_the_types_and_channels_it_asked_for(
    served: ProgressReporter, server: WebSocketServer
) -> None:
    for job_id in ("j", "k"):
        served.start_job(job_id)
        report(served, 1, job_id=job_id)
        served.complete_job(job_id).wait()
    async with reading(server.url, channels=["job:k"], types=["job_started", "job_completed"], after=0) as reader:
        events = await reader.take(2)
    assert [(event["type"], event["job_id"]) for event in events] == [("job_started", "k"), ("job_completed", "k")]


async def test_it_is_named_in_the_list_of_clients_until_it_is_closed(
    served: ProgressReporter, server: WebSocketServer
) -> None:
    served.start_job("j").wait()
    async with http_client(server.url) as http:
        async with reading(server.url, after=0, client_name="Desk") as reader:
            await reader.take(1)
            (client,) = (await http.get("/ws/status")).body["clients"]
            assert (client["client_type"], client["client_name"]) == ("python", "Desk")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await http.get("/ws/status")).body["connected_clients"]:
                await asyncio.sleep(0)


async def test_it_goes_on_after_its_last_event_when_the_server_is_started_again(
    served: ProgressReporter, server: WebSocketServer, settings: Settings
) -> None:
    served.start_job("j").wait()
    async with reading(server.url, after=0) as reader:
        assert await reader.positions(1) == [1]
        await asyncio.to_thread(served.close)
        again = WebSocketServer(port=server.port)
        with ProgressReporter(settings=settings) as alone:
            report(alone, *range(50))
        with ProgressReporter(again, settings=settings) as reporter:
            assert await reader.positions(50) == list(range(2, 52))
            report(reporter, 100)
            assert await reader.positions(1) == [52]


async def test_from_now_on_includes_what_is_committed_while_the_server_is_away(
    served: ProgressReporter, server: WebSocketServer, settings: Settings
) -> None:
    served.start_job("j").wait()
    async with reading(server.url) as reader:
        first = reader.begin()
        await reader.notice("subscription_confirmed")
        await asyncio.to_thread(served.close)
        with ProgressReporter(settings=settings) as alone:
            report(alone, 1)
        with ProgressReporter(WebSocketServer(port=server.port), settings=settings):
            assert (await first)["position"] == 2


async def test_another_log_in_the_place_of_the_first_is_followed_from_its_beginning(
    served: ProgressReporter,
    server: WebSocketServer,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served.start_job("j")
    report(served, 1, 2, 3)
    async with reading(server.url, after=0) as reader:
        assert await reader.positions(4) == [1, 2, 3, 4]
        await asyncio.to_thread(served.close)
        other = replace(settings, database_url=f"sqlite:///{(tmp_path / 'other.db').as_posix()}")
        with ProgressReporter(WebSocketServer(port=server.port), settings=other) as reporter:
            reporter.start_job("k").wait()
            (event,) = await reader.take(1)
            assert (event["job_id"], event["position"]) == ("k", 1)
            assert (await reader.notice("reset"))["head"] >= 0
            report(reporter, 1, job_id="k")
            assert await reader.positions(1) == [2]
    assert "another one" in caplog.text


async def test_events_that_were_pruned_are_passed_over_with_a_warning(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=replace(settings, ring_events=1)) as reporter:
        reporter.start_job("old")
        reporter.complete_job("old").wait()
        reporter.tracker.retention.prune_once(2**60)
        reporter.start_job("j").wait()
        async with reading(server.url, after=0) as reader:
            assert await reader.positions(1) == [3]
            assert await reader.notice("truncated") == {"type": "truncated", "after": 0, "horizon": 2}
    assert "were pruned" in caplog.text


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"channels": ["nonsense"]}, "channels"),
        ({"types": ["nonsense"]}, "types"),
        ({"after": 99}, "after"),
        ({"after": -1}, "after"),
        ({"client_name": ""}, "client_name"),
    ],
)
async def test_a_subscription_that_the_server_refuses_is_an_error(
    served: ProgressReporter, server: WebSocketServer, options: dict[str, Any], field: str
) -> None:
    async with reading(server.url, **options) as reader:
        with pytest.raises(ServerRefused, match=field) as caught:
            await reader.take(1)
    assert caught.value.refusal.startswith("invalid_")


async def test_who_is_not_patient_is_told_that_nobody_answers() -> None:
    port = free_port()
    async with reading(f"http://127.0.0.1:{port}", patient=False) as reader:
        with pytest.raises(ServerUnreachable, match=str(port)):
            await reader.take(1)


async def test_who_is_patient_waits_for_the_server(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tracker.client")
    port = free_port()
    async with reading(f"http://127.0.0.1:{port}", after=0) as reader:
        first = reader.begin()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while caplog.text.count("was lost") < 3:
                await asyncio.sleep(0)
        with ProgressReporter(WebSocketServer(port=port), settings=settings) as reporter:
            reporter.start_job("j").wait()
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await first)["position"] == 1


async def test_who_was_connected_once_is_patient_from_then_on(
    served: ProgressReporter, server: WebSocketServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tracker.client")
    served.start_job("j").wait()
    async with reading(server.url, after=0, patient=False) as reader:
        assert await reader.positions(1) == [1]
        await asyncio.to_thread(served.close)
        following = reader.begin()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "was lost" not in caplog.text:
                await asyncio.sleep(0)
        with ProgressReporter(WebSocketServer(port=server.port), settings=settings) as reporter:
            report(reporter, 1)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await following)["position"] == 2


async def test_what_the_server_left_out_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Message] = []

    async def lossy(connection: ServerConnection) -> None:
        await connection.send(json.dumps({"type": "connection_established", "epoch": "e"}))
        async for text in connection:
            asked.append(json.loads(text))
            after = asked[-1]["after"]
            await connection.send(json.dumps({"type": "subscription_confirmed", "after": after}))
            for position in range(after + 1, 6):
                if len(asked) == 1 and position in (2, 3):
                    continue
                event = {"type": "job_progress", "position": position, "prev": position - 1}
                await connection.send(json.dumps(event))

    async with serve(lossy, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        async with reading(f"ws://127.0.0.1:{port}/ws", after=0) as reader:
            assert await reader.positions(5) == [1, 2, 3, 4, 5]
    assert [message["after"] for message in asked] == [0, 1]
    assert "are missing after 1" in caplog.text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:5100", "ws://h:5100/ws"),
        ("http://h:5100/", "ws://h:5100/ws"),
        ("https://h", "wss://h/ws"),
        ("h:5100", "ws://h:5100/ws"),
        ("h", "ws://h/ws"),
        ("ws://h:5100/ws", "ws://h:5100/ws"),
        ("ws://h:5100/ws/", "ws://h:5100/ws"),
        ("wss://h/tracker/", "wss://h/tracker/ws"),
        ("http://[::1]:5100", "ws://[::1]:5100/ws"),
        ("http://h:5100/?after=5#x", "ws://h:5100/ws"),
    ],
)
def test_a_server_may_be_named_in_any_of_these_ways(url: str, expected: str) -> None:
    assert websocket_url(url) == expected


BAD_URLS = ["", "http://", "ftp://h:5100", "ws:///ws", "http://h:port", "http://h:99999", "http://[::1", "file:///ws"]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_what_is_no_url_of_a_server_is_refused_and_not_tried_for_ever(url: str) -> None:
    async with reading(url) as reader:
        with pytest.raises(InvalidQuery, match="url"):
            await reader.take(1)
