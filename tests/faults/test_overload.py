"""R8 over HTTP and a WebSocket: a queue is sent ten times what it holds. Who is acknowledged is in the log, who is not
is refused, and nobody is told nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests import figures
from tests.acceptance import logs
from tests.api.clients import HttpClient, SocketClient, http_client, socket_client
from tests.tracker.doubles import WAIT
from tracker.errors import RecorderFull
from tracker.intake_queue import IntakeQueue
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store.base import Append, Committed

_QUEUE = 100
_BATCH = 10
_BATCHES = 5 * _QUEUE // _BATCH
_MESSAGES = 5 * _QUEUE  # as many again, over the WebSocket


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, queue_events=_QUEUE)


@pytest.fixture
def path(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


@pytest.fixture
def gate(served: ProgressReporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The log takes nothing until it is set."""
    gate, writer = threading.Event(), served.tracker.store.writer
    append = writer.append

    def wait_and_append(appends: Sequence[Append]) -> Committed:
        assert gate.wait(WAIT)
        return append(appends)

    monkeypatch.setattr(writer, "append", wait_and_append)
    yield gate
    gate.set()


def _event(name: str) -> dict[str, Any]:
    return {"type": "job_started", "job_id": name}


class Said:
    """What the clients were told: the jobs that were acknowledged, and those that were refused, by the code."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refused: dict[str, str] = {}

    async def post(self, http: HttpClient, batch: int) -> None:
        names = [f"http/{batch}/{number}" for number in range(_BATCH)]
        answer = await http.post("/events", [_event(name) for name in names])
        if answer.status == 200:
            places = [event["position"] for event in answer.body["events"]]
            self.acknowledged |= dict(zip(names, places, strict=True))
        else:
            assert answer.status == 503
            self.refused |= dict.fromkeys(names, answer.body["code"])

    async def send(self, socket: SocketClient) -> None:
        for number in range(_MESSAGES):
            await socket.send({**_event(f"ws/{number}"), "ref": f"ws/{number}"})
        for answer in await socket.collect(_MESSAGES):
            if answer["type"] == "ack":
                self.acknowledged[answer["ref"]] = answer["position"]
            else:
                assert answer["type"] == "error"
                self.refused[answer["ref"]] = answer["code"]


async def _overload(url: str, gate: threading.Event) -> Said:
    """Everything is sent while the log takes nothing; it is opened when the queue has been full for all the rest."""
    said = Said()
    async with http_client(url) as http, socket_client(url) as socket:
        posts = [asyncio.create_task(said.post(http, batch)) for batch in range(_BATCHES)]
        sends = asyncio.create_task(said.send(socket))
        async with asyncio.timeout(WAIT):
            while sum(post.done() for post in posts) < _BATCHES - _QUEUE // _BATCH:
                await asyncio.sleep(0.01)
        gate.set()
        await asyncio.gather(*posts, sends)
    return said


async def test_what_is_acknowledged_is_there_and_the_rest_was_refused(
    server: WebSocketServer, gate: threading.Event, path: Path
) -> None:
    said = await _overload(server.url, gate)
    recorded = {event.job_id: event.position for event in logs.events(path)}
    sent = _BATCHES * _BATCH + _MESSAGES
    figures.show(
        "R8: HTTP and WebSocket, a queue overloaded 10 x",
        f"{sent} events on a queue of {_QUEUE}: {len(said.acknowledged)} acknowledged, {len(said.refused)} refused, "
        f"{sent - len(said.acknowledged) - len(said.refused)} told nothing",
        "0 told nothing, 0 lost",
    )
    assert said.acknowledged == recorded
    assert len(said.acknowledged) + len(said.refused) == sent
    assert set(said.refused.values()) == {"recorder_full"}
    assert logs.faults(path, set(said.acknowledged.values())) == []


async def test_control_a_queue_that_drops_silently_tells_somebody_nothing(
    server: WebSocketServer, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, dropped = IntakeQueue.put, threading.Event()

    def put_or_drop(*arguments: Any, **options: Any) -> None:
        with suppress(RecorderFull):
            put(*arguments, **options)
            return
        dropped.set()

    monkeypatch.setattr(IntakeQueue, "put", put_or_drop)
    said = Said()
    async with socket_client(server.url) as socket:
        sends = asyncio.create_task(said.send(socket))
        assert await asyncio.to_thread(dropped.wait, WAIT)
        gate.set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await sends
        socket.connection.transport.abort()  # the server waits for what was dropped, and would not say goodbye
