"""S1, frames: whatever is sent to ``/ws``, the answer is an error or a goodbye, and nobody else notices."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from api.session import Session
from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, SocketClient, http_client, is_unbroken, positions, socket_client
from tests.security.frames import PONG, FrameClient, Heard, frame_client
from tests.security.hostile import CLOSE_CODES, NOT_ALLOWED, Deed, deed
from tests.security.logs import logged
from tests.security.protocol_messages import JOB
from tracker.events import FACTS
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_DEEDS = 10_000 if _LONG else 1_500
_SEED = 20_251_109
_ATTACKERS = 4
_DEEDS_A_CONNECTION = 40
_STEADY = "steady"
# Attackers who come back as often as they like.
_OFTEN = 10**6
_NEVER = 3600
_SAID = {
    *FACTS,
    "connection_established",
    "registration_confirmed",
    "subscription_confirmed",
    "unsubscription_confirmed",
    "pong",
    "ack",
    "error",
    "reset",
    "truncated",
    "caught_up",
    "checkpoint",
    "replay_started",
    "replay_state",
    "replay_finished",
}


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, requests_per_second=_OFTEN)


def faults(deed: Deed, heard: Heard) -> list[str]:
    """What the server did wrong."""
    wrong = [f"said {message}" for message in heard.messages if not _is_proper(message)]
    if heard.breach:
        return [*wrong, f"sent {heard.breach}"]
    if heard.is_over:
        codes = CLOSE_CODES if deed.is_torn else deed.codes
        is_right = heard.close_code in codes or (heard.close_code is None and (deed.is_torn or deed.goes_on))
        return wrong if is_right else [*wrong, f"closed with {heard.close_code}"]
    if deed.pong is not None and (PONG, deed.pong) not in heard.controls:
        wrong.append("sent no such pong")
    types = {message["type"] for message in heard.messages[:-1]}  # the last is the answer to the client's own ping
    if deed.answers and not deed.answers & types:
        wrong.append(f"answered {types}")
    return wrong


def _is_proper(message: dict[str, Any]) -> bool:
    if message.get("type") != "error":
        return message.get("type") in _SAID
    text = message.get("error")
    return isinstance(message.get("code"), str) and isinstance(text, str) and "Traceback" not in text


async def attack(port: int, random: Random, count: int) -> tuple[Counter[str], list[str]]:
    """So many deeds; what came of them, and what was wrong."""
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    while outcomes.total() < count:
        async with frame_client(port) as client:
            for _ in range(min(_DEEDS_A_CONNECTION, count - outcomes.total())):
                doing = deed(random)
                heard = await _do(client, doing)
                outcomes[str(heard.close_code or ("ended" if heard.is_over else "answered"))] += 1
                wrong += [f"{doing.name}: the server {fault}" for fault in faults(doing, heard)]
                if heard.is_over:
                    break
    return outcomes, wrong


async def _do(client: FrameClient, doing: Deed) -> Heard:
    await client.send(doing.data)
    if doing.is_torn:
        client.finish()
    return await (client.heard_to_the_end() if doing.is_torn or doing.ends else client.heard())


async def attack_together(port: int, count: int) -> tuple[Counter[str], list[str]]:
    """The same from several connections at once."""
    sources = [Random(_SEED + index) for index in range(_ATTACKERS)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attack(port, source, count // _ATTACKERS)) for source in sources]
    results = [task.result() for task in tasks]
    return sum((outcomes for outcomes, _ in results), Counter()), [fault for _, wrong in results for fault in wrong]


class Watch:
    """One who follows the log meanwhile, and is to get every event, as soon as it is recorded."""

    def __init__(self, reporter: ProgressReporter, viewer: SocketClient) -> None:
        self._reporter = reporter
        self._viewer = viewer
        self.events: list[dict[str, Any]] = []

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        self._reporter.start_job(_STEADY)
        self._reporter.start_job(JOB)
        await self._viewer.subscribe("jobs", "photos", after=0)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(over))
            yield
            over.set()

    async def _follow(self, over: asyncio.Event) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            self._reporter.update_progress(_STEADY, "importing", 50, f"turn {turn}")
            await self._until(f"turn {turn}")

    async def missing(self, http: HttpClient) -> list[int]:
        """The positions of the log that did not come, after what is on its way has come."""
        self._reporter.update_progress(_STEADY, "importing", 100, "the end")
        await self._until("the end")
        log: list[int] = []
        while not log or log[-1] < self.events[-1]["position"]:
            page = await http.get("/events", after=log[-1] if log else 0, limit=1000)
            log += [event["position"] for event in page.body["events"]]
        return sorted(set(log) - set(positions(self.events)))

    async def _until(self, text: str) -> None:
        messages = await self._viewer.until(job_id=_STEADY, message=text)
        self.events += [message for message in messages if "sequence" in message]


async def test_no_frame_makes_the_server_fail_and_nobody_else_is_disturbed(
    served: ProgressReporter, server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    print(f"The seed is {_SEED}.")
    async with http_client(server.url) as http, socket_client(server.url) as viewer:
        watch = Watch(served, viewer)
        async with watch.watching():
            outcomes, wrong = await attack_together(server.port, _DEEDS)
        assert wrong == []
        assert await watch.missing(http) == []
    assert is_unbroken(watch.events, 0)
    assert logged(caplog) == []
    assert {"answered", "1002", "1007", "1008", "1009"} <= outcomes.keys()
    said = ", ".join(f"{count} x {outcome}" for outcome, count in sorted(outcomes.items()))
    print(
        f"S1: {outcomes.total()} fuzzed frames ({said}), 0 tracebacks (reach: 0); another client got all "
        f"{len(watch.events)} events meanwhile"
    )


async def test_no_frame_makes_a_server_fail_that_waits_for_a_token(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = WebSocketServer(port=0)
    settings = Settings(
        database_url=database_url, require_token=True, auth_timeout_seconds=_NEVER, requests_per_second=_OFTEN
    )
    with ProgressReporter(server, settings=settings):
        random, outcomes = Random(_SEED), Counter[int | None]()
        for _ in range(_DEEDS // 5):
            doing = deed(random)
            async with frame_client(server.port) as client:
                heard = await _do(client, doing)
            assert heard.is_over, doing.name
            assert all(_is_proper(message) and message["type"] == "error" for message in heard.messages), doing.name
            assert heard.close_code in {None, NOT_ALLOWED, *CLOSE_CODES}, doing.name
            outcomes[heard.close_code] += 1
    assert outcomes[NOT_ALLOWED] > 0
    assert logged(caplog) == []


async def test_control_a_server_that_fails_is_found_out(
    served: ProgressReporter,
    server: WebSocketServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Session, "_register", fail)
    _, wrong = await attack_together(server.port, 400)
    assert wrong
    assert logged(caplog)
