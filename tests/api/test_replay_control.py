"""Replays over a real WebSocket: beside what is live, within bounds, as far as a token goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, HttpClient, Message, SocketClient, positions, socket_client
from tests.builders import NOON, SECOND, completed, progressed, started
from tracker import tokens
from tracker.following import Following, Hand
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_store, open_token_table
from tracker.store.base import Append
from tracker.times import now
from tracker.tokens import Scope

_EVENTS = 5


# The log of these tests is old: retention would remove it.
_KEPT_SECONDS = 9e9


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, keep_for_seconds=_KEPT_SECONDS)


@pytest.fixture(autouse=True)
def _past(settings: Settings) -> None:
    """A log of two jobs: ``past`` at 12:00:00 to 12:00:04 (positions 1 to 5), ``other`` an hour later (6 to 8)."""
    store = open_store(settings.database_url)
    steps = [started("past"), *(progressed("past", 10.0 * step) for step in range(1, 4)), completed("past")]
    later = [started("other"), progressed("other"), completed("other")]
    for index, event in enumerate(steps):
        store.writer.append([Append((event,), NOON + index * SECOND)])
    for index, event in enumerate(later):
        store.writer.append([Append((event,), NOON + (3600 + index) * SECOND)])
    store.close()


def replayed(messages: list[Message]) -> list[int]:
    return [message["position"] for message in messages if message.get("replay")]


async def test_a_job_is_sent_again_marked_and_in_the_shape_of_a_live_event(
    socket: SocketClient, http: HttpClient
) -> None:
    begun = await socket.ask({"type": "replay", "job_id": "past", "speed": 1000, "ref": 7})
    assert begun == {
        "type": "replay_started",
        "replay_id": "r1",
        "job_id": "past",
        "first": 1,
        "last": 5,
        "since": "2025-11-09T12:00:00.000000Z",
        "until": "2025-11-09T12:00:04.000000Z",
        "events": 5,
        "duration": 4.0,
        "speed": 1000.0,
        "max_gap_seconds": None,
        "state": "playing",
        "horizon": 0,
        "ref": 7,
    }
    *events, finished = await socket.until(type="replay_finished")
    listed = (await http.get("/jobs/past/events")).body["events"]
    assert events == [{**event, "replay": True, "replay_id": "r1"} for event in listed]
    assert finished == {"type": "replay_finished", "replay_id": "r1", "reason": "end", "after": 5, "sent": 5}


async def test_the_spacing_is_the_logs_divided_by_the_speed(socket: SocketClient) -> None:
    clock = asyncio.get_running_loop().time
    await socket.ask({"type": "replay", "job_id": "past", "speed": 20})
    first = await socket.receive()
    begun, shown = clock(), [0.0]
    for _ in range(_EVENTS - 1):
        await socket.receive()
        shown.append(clock() - begun)
    # Generous, as the machine may be busy: `make bench` measures the error.
    assert shown == pytest.approx([0, 0.05, 0.1, 0.15, 0.2], abs=0.04)
    assert first["sequence"] == 1


async def test_a_window_is_of_all_jobs_and_a_long_gap_is_compressed(socket: SocketClient) -> None:
    window = {"since": "2025-11-09T12:00:03Z", "until": 7}
    begun = await socket.ask({"type": "replay", **window, "speed": 100, "max_gap_seconds": 0.5})
    assert (begun["first"], begun["last"], begun["events"], begun["duration"]) == (4, 7, 4, 3598.0)
    assert replayed(await socket.until(type="replay_finished")) == [4, 5, 6, 7]


async def test_what_is_live_goes_on_unmarked_and_unbroken_beside_it(
    socket: SocketClient, served: ProgressReporter
) -> None:
    following = Following(["jobs"], after=0)
    following.subscription()
    following.receive(await socket.subscribe("jobs", after=0))
    told = await socket.until(type="caught_up")
    await socket.send({"type": "replay", "job_id": "past", "speed": 10, "max_gap_seconds": 0.2})
    for index in range(20):
        served.start_job(f"live-{index}")
        await asyncio.sleep(0.005)  # a pace: the two streams are to lie in each other
    told += await socket.until(type="replay_finished")
    while not any(message.get("position") == 28 for message in told):
        told.append(await socket.receive())
    live = [message for message in told if "prev" in message and "sequence" in message]
    assert positions(live) == list(range(1, 29))
    assert all("replay" not in message for message in live)
    assert replayed(told) == [1, 2, 3, 4, 5]
    # A client that follows takes both for what they are: nothing is a gap, and nothing is left out.
    handed = [step.event for step in map(following.receive, told) if isinstance(step, Hand)]
    assert (len(handed), following.cursor) == (28 + _EVENTS, 28)


async def test_a_replay_plays_under_the_hands_of_its_viewer(socket: SocketClient) -> None:
    await socket.ask({"type": "replay", "job_id": "past", "paused": True, "ref": 1})
    assert (await socket.ask({"type": "step"}))["position"] == 1
    assert await socket.receive() == {
        "type": "replay_state",
        "replay_id": "r1",
        "state": "paused",
        "after": 1,
        "speed": 1.0,
        "max_gap_seconds": None,
    }
    sought = await socket.ask({"type": "seek", "to": "2025-11-09T12:00:02.500Z", "replay_id": "r1", "ref": "s"})
    assert (sought["type"], sought["after"], sought["ref"]) == ("replay_state", 3, "s")
    assert (await socket.ask({"type": "speed", "speed": 1000}))["speed"] == 1000.0
    assert (await socket.ask({"type": "resume"}))["state"] == "playing"
    *_, last, finished = await socket.until(type="replay_finished")
    assert (last["position"], finished["sent"]) == (5, 3)
    await socket.ask({"type": "replay", "job_id": "past", "speed": 0.1})
    await socket.until(position=1)
    assert (await socket.ask({"type": "pause"}))["state"] == "paused"
    stopped = await socket.ask({"type": "replay_stop", "ref": "e"})
    assert (stopped["type"], stopped["reason"], stopped["ref"]) == ("replay_finished", "stopped", "e")
    assert (await socket.ask({"type": "pause"}))["code"] == "unknown_replay"


@pytest.mark.parametrize(
    ("message", "code", "fields"),
    [
        ({"type": "replay"}, "invalid_query", {"field": "job_id"}),
        ({"type": "replay", "job_id": "nobody"}, "job_not_found", {"job_id": "nobody"}),
        ({"type": "replay", "job_id": "pruned"}, "job_pruned", {"job_id": "pruned"}),
        ({"type": "replay", "job_id": "past", "speed": 1001}, "invalid_query", {"field": "speed"}),
        ({"type": "replay", "job_id": "past", "speed": "10"}, "invalid_query", {"field": "speed"}),
        ({"type": "replay", "since": 8, "until": 7}, "invalid_query", {"field": "since"}),
        ({"type": "replay", "since": "2999-01-01T00:00:00Z"}, "invalid_query", {"field": "since"}),
        ({"type": "replay", "since": "last night"}, "invalid_query", {"field": "since"}),
        ({"type": "replay", "after": 99}, "invalid_query", {"field": "after"}),
        ({"type": "pause"}, "unknown_replay", {"field": "replay_id"}),
        ({"type": "step", "replay_id": "r9"}, "unknown_replay", {"field": "replay_id"}),
        ({"type": "seek"}, "invalid_query", {"field": "to"}),
        ({"type": "speed", "speed": 0}, "invalid_query", {"field": "speed"}),
    ],
)
async def test_what_makes_no_sense_is_answered_and_the_connection_stays_open(
    served: ProgressReporter, socket: SocketClient, message: Message, code: str, fields: dict[str, Any]
) -> None:
    served.start_job("pruned")
    served.complete_job("pruned").wait()
    if message.get("job_id") == "pruned":
        served.tracker.recorder.ask(lambda writer: writer.prune(2**60, 2**60, 1000))
    answer = await socket.ask({**message, "ref": "r"})
    text = answer.pop("error")
    assert answer == {"type": "error", "code": code, "ref": "r", **fields}
    assert len(text) > 10
    assert await socket.is_silent()


async def test_a_control_of_one_of_several_names_it(socket: SocketClient) -> None:
    for _ in range(2):
        await socket.ask({"type": "replay", "job_id": "past", "paused": True})
    assert (await socket.ask({"type": "step"}))["code"] == "unknown_replay"
    assert (await socket.ask({"type": "seek", "to": 6, "replay_id": "r2"}))["field"] == "to"
    assert (await socket.ask({"type": "step", "replay_id": "r2"}))["replay_id"] == "r2"


async def test_a_connection_has_four_replays_at_most_and_one_that_ended_makes_room(socket: SocketClient) -> None:
    for number in range(1, 5):
        begun = await socket.ask({"type": "replay", "job_id": "past", "paused": True})
        assert begun["replay_id"] == f"r{number}"
    refused = await socket.ask({"type": "replay", "job_id": "past", "ref": 5})
    assert (refused["code"], refused["ref"]) == ("too_many_replays", 5)
    await socket.ask({"type": "replay_stop", "replay_id": "r2"})
    assert (await socket.ask({"type": "replay", "job_id": "past", "paused": True}))["replay_id"] == "r5"


async def test_a_client_that_leaves_takes_its_replays_with_it(
    served: ProgressReporter, server: WebSocketServer, quiet_log: None
) -> None:
    async with socket_client(server.url) as client:
        await client.ask({"type": "replay", "job_id": "past", "speed": 0.1})
    async with socket_client(server.url) as client:
        assert (await client.ask({"type": "replay_stop"}))["code"] == "unknown_replay", "they are a connection's"


async def test_a_client_without_a_websocket_is_told_what_it_needs(http: HttpClient) -> None:
    client_id = (await http.post("/ws/handshake", {"client_type": "lightroom"})).body["client_id"]
    for message in ({"type": "replay", "job_id": "past"}, {"type": "pause"}):
        answer = (await http.post("/ws/send", {"client_id": client_id, "message": {**message, "ref": 3}})).body
        assert answer["success"] is False
        assert answer["response"]["code"] == "invalid_query"
        assert (answer["response"]["field"], answer["response"]["ref"]) == ("type", 3)
        assert "WebSocket" in answer["response"]["error"]


class TestTokens:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True, keep_for_seconds=_KEPT_SECONDS)

    def token(self, settings: Settings, *scopes: Scope, prefixes: tuple[str, ...] = ()) -> str:
        text, token = tokens.make("wall", scopes, prefixes, now=now())
        table = open_token_table(settings.database_url)
        table.create(token, "tester")
        table.close()
        return text

    @pytest.fixture
    async def asked(self, served: ProgressReporter, server: WebSocketServer) -> AsyncIterator[Any]:
        """What a client with a token is told of a replay, to its end."""
        async with aiohttp.ClientSession() as session:

            async def ask(token: str, message: Message) -> list[Message]:
                bearer = {"Authorization": f"Bearer {token}"}
                async with session.ws_connect(f"{server.url}/ws", headers=bearer) as socket:
                    await socket.receive_json()
                    await socket.send_json({"type": "replay", "speed": 1000, "max_gap_seconds": 0, **message})
                    told: list[Message] = []
                    while not told or told[-1]["type"] not in ("error", "replay_finished"):
                        told.append(await socket.receive_json(timeout=PATIENCE_SECONDS))
                    return told

            yield ask

    async def test_a_token_sees_the_jobs_it_is_for(self, settings: Settings, asked: Any) -> None:
        token = self.token(settings, "read", prefixes=("oth",))
        begun, *events = await asked(token, {"since": 0})
        assert replayed(events) == [6, 7, 8]
        assert (begun["first"], begun["last"], begun["events"]) == (6, 8, None)
        assert replayed(await asked(token, {"job_id": "other"})) == [6, 7, 8]
        assert (await asked(token, {"job_id": "past"}))[0]["code"] == "job_not_found"

    async def test_a_token_that_may_not_read_is_refused(self, settings: Settings, asked: Any) -> None:
        token = self.token(settings, "report")
        for message in ({"job_id": "past"}, {"since": 0}):
            assert (await asked(token, message))[0]["code"] == "forbidden"


class TestSlowClients:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(
            database_url=database_url,
            send_timeout_seconds=1,
            ping_interval_seconds=3600,
            keep_for_seconds=_KEPT_SECONDS,
        )

    @pytest.fixture
    def big(self, served: ProgressReporter) -> None:
        """A job of 20 MB."""
        served.start_job("big")
        for index in range(1000):
            served.update_progress("big", "importing", index / 10, "x" * 20_000)
        served.complete_job("big").wait()

    async def test_one_that_does_not_read_is_cut_off_and_holds_up_nobody(
        self, big: None, served: ProgressReporter, server: WebSocketServer, viewer: SocketClient
    ) -> None:
        await viewer.subscribe("job:new")
        async with socket_client(server.url) as silent:
            silent.connection.transport.pause_reading()
            await silent.send({"type": "replay", "job_id": "big", "speed": 1000})
            served.start_job("new")
            assert (await viewer.receive())["job_id"] == "new"
            assert await viewer.is_silent()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await _clients(server) > 1:
                    await asyncio.sleep(0.05)
            silent.connection.transport.abort()

    async def test_one_that_reads_slowly_gets_everything_and_what_is_live_at_once(
        self, big: None, served: ProgressReporter, server: WebSocketServer
    ) -> None:
        async with socket_client(server.url) as slow:
            await slow.subscribe("job:new")
            await slow.send({"type": "replay", "job_id": "big", "speed": 1000})
            served.start_job("new")
            before_new = await slow.until(job_id="new")
            assert len(before_new) < 500, "live delivery does not wait for the end of a replay"
            rest = await slow.until(type="replay_finished")
            assert len(replayed([*before_new, *rest])) == 1002


async def _clients(server: WebSocketServer) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/ws/status") as response:
        return len((await response.json())["clients"])
