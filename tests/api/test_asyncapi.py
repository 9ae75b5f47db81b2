"""``docs/asyncapi.yaml``, against itself and against every message that the server sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from jsonschema import Draft7Validator, ValidationError
from websockets.asyncio.client import ClientConnection, connect

from api import asyncapi
from api.websocket_server import WebSocketServer
from tests.api import bad_inputs
from tests.api.clients import PATIENCE_SECONDS, HttpClient, Message
from tests.api.documents import closed, references, resolve, validator
from tracker import tokens
from tracker.events import FACTS
from tracker.progress_reporter import ProgressReporter
from tracker.replay_request import CONTROLS
from tracker.settings import Settings
from tracker.store import open_token_table
from tracker.times import MICROSECONDS, now

DOCUMENT: dict[str, Any] = asyncapi.document()
CLOSED: dict[str, Any] = closed(DOCUMENT)
_FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
_FEATURES = {"auth", "register", "subscribe", "unsubscribe", "ping", "replay", *CONTROLS}
_OF_REPLAYS = {"replay_started", "replay_state", "replay_finished"}


def _types(action: str) -> dict[str, Any]:
    """The payload's schema of each message that the server sends, or receives, by its type."""
    found: dict[str, Any] = {}
    for operation in CLOSED["operations"].values():
        sides = [operation] if operation["action"] == action else []
        if action == "send" and "reply" in operation:
            sides.append(operation["reply"])
        for side in sides:
            for reference in side["messages"]:
                message = resolve(CLOSED, resolve(CLOSED, reference["$ref"])["$ref"])
                found[message["name"]] = message["payload"]
    return found


SENT, RECEIVED = _types("send"), _types("receive")


def check_sent(message: Message) -> str:
    """Demand that the server's message is one that is described; returns its type."""
    assert message["type"] in SENT, f"a message of a type that is not described: {message}"
    validator(CLOSED, SENT[message["type"]]).validate(message)
    return str(message["type"])


def check_all(messages: Iterable[Message]) -> set[str]:
    return {check_sent(message) for message in messages}


class TestDocument:
    def test_the_file_is_the_one_that_is_generated(self) -> None:
        assert _FILE.read_text(encoding="utf-8") == asyncapi.yaml_text(), "run: python -m api.asyncapi"
        assert yaml.safe_load(_FILE.read_text(encoding="utf-8")) == DOCUMENT

    def test_every_reference_leads_somewhere(self) -> None:
        found = list(references(DOCUMENT))
        assert len(found) > 100
        for reference in found:
            resolve(DOCUMENT, reference)

    def test_every_schema_is_one(self) -> None:
        for schema in DOCUMENT["components"]["schemas"].values():
            Draft7Validator.check_schema(schema)

    @pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
    def test_the_examples_of_a_message_are_of_its_shape(self, name: str) -> None:
        message = CLOSED["components"]["messages"][name]
        assert message["examples"]
        for example in message["examples"]:
            assert example["payload"]["type"] == message["name"]
            validator(CLOSED, message["payload"]).validate(example["payload"])

    def test_every_message_is_in_the_channel_and_in_an_operation(self) -> None:
        (channel,) = DOCUMENT["channels"].values()
        assert channel["address"] == "/ws"
        named = DOCUMENT["components"]["messages"].keys()
        assert channel["messages"].keys() == named
        sides = [side for one in DOCUMENT["operations"].values() for side in (one, one.get("reply", one))]
        used = {reference["$ref"].rpartition("/")[2] for side in sides for reference in side["messages"]}
        assert used == named

    def test_everything_that_a_client_may_say_is_described(self) -> None:
        assert RECEIVED.keys() == _FEATURES | FACTS.keys()
        assert SENT.keys() > FACTS.keys()

    @pytest.mark.parametrize("name", bad_inputs.GOOD)
    def test_what_the_server_takes_is_allowed(self, name: str) -> None:
        message = json.loads(bad_inputs.GOOD[name])
        schema = DOCUMENT["components"]["messages"][_message_name(message["type"])]["payload"]
        validator(DOCUMENT, schema).validate(message)

    def test_the_validation_sees_what_nobody_described(self) -> None:
        pong = {"type": "pong", "timestamp": "2025-11-09T10:30:00.000000Z"}
        assert check_sent(pong) == "pong"
        for wrong in ({**pong, "new": 1}, {"type": "pong"}, {**pong, "timestamp": "today"}):
            with pytest.raises(ValidationError):
                check_sent(wrong)
        with pytest.raises(AssertionError, match="not described"):
            check_sent({"type": "pang"})


def _message_name(event_type: str) -> str:
    return "".join(word.capitalize() for word in event_type.split("_")) + "Message"


_LIFE: list[Message] = [
    {"type": "job_started", "job_id": "a", "photo_id": 1, "event_id": "e1", "stages": ["one", "two"], "ref": "s"},
    {"type": "job_progress", "job_id": "a", "stage": "one", "progress": 10, "unknown": [1], "ref": 1},
    {"type": "stage_completed", "job_id": "a", "stage": "one", "result": {"x": None}},
    {"type": "photo_info", "job_id": "a", "photo_data": {"iso": 400}, "timestamp": "2025-11-09T10:30:00Z"},
    {"type": "error_occurred", "job_id": "a", "error_type": "io", "error_message": "lost"},
    {"type": "job_completed", "job_id": "a", "result": {}},
    {"type": "job_started", "job_id": "b"},
    {"type": "job_failed", "job_id": "b", "duration": 2, "photo_id": "P1"},
]
"""Every type of event, with and without the fields that may be missing."""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, checkpoint_interval_seconds=0.05)


@pytest.fixture
def pruned(served: ProgressReporter) -> ProgressReporter:
    """A log that begins with pruned events."""
    served.start_job("old")
    served.complete_job("old")
    served.flush()
    served.tracker.retention.prune_once(now() + 60 * 86_400 * MICROSECONDS)
    return served


class Talk:
    """A WebSocket client that keeps everything it is told, checkpoints too, and says only what is described."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.told: list[Message] = []

    async def say(self, message: Message) -> None:
        validator(DOCUMENT, RECEIVED[message["type"]]).validate(message)
        await self._connection.send(json.dumps(message))

    async def until(self, kind: str) -> Message:
        """Read up to a message of this type."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message: Message = json.loads(await self._connection.recv())
            self.told.append(message)
            if message["type"] == kind:
                return message


@pytest.fixture
async def talk(pruned: ProgressReporter, server: WebSocketServer) -> AsyncIterator[Talk]:
    async with connect(server.url.replace("http", "ws") + "/ws") as connection:
        yield Talk(connection)


def _token(settings: Settings) -> str:
    text, token = tokens.make("wall", tokens.SCOPES, now=now())
    table = open_token_table(settings.database_url)
    table.create(token, "tester")
    table.close()
    return text


async def test_every_message_of_the_websocket_is_described(talk: Talk, settings: Settings) -> None:
    await talk.until("connection_established")
    await talk.say({"type": "auth", "token": _token(settings), "ref": 0})
    await talk.until("authenticated")
    await talk.say({"type": "register", "client_type": "gui", "client_name": "Wall", "ref": "r"})
    await talk.until("registration_confirmed")
    for more in ({"after": 0}, {"after": 1, "epoch": "another", "types": list(FACTS)}):
        await talk.say({"type": "subscribe", "channels": ["jobs", "photos", "system", "job:a"], **more})
        await talk.until("caught_up")
    for message in _LIFE:
        await talk.say(message)
    await talk.until("job_failed")
    await talk.say({"type": "job_progress", "job_id": "nobody", "stage": "importing", "progress": 1, "ref": 7})
    await talk.until("error")
    await talk.say({"type": "ping"})
    await talk.until("pong")
    await talk.say({"type": "replay", "job_id": "a", "speed": 1000, "max_gap_seconds": 2, "paused": True, "ref": 9})
    await talk.until("replay_started")
    for control in ({"type": "step"}, {"type": "seek", "to": 4}, {"type": "speed", "speed": 10}, {"type": "pause"}):
        await talk.say({**control, "replay_id": "r1", "ref": control["type"]})
        await talk.until("replay_state")
    await talk.say({"type": "resume"})
    await talk.until("replay_finished")
    await talk.say({"type": "replay", "since": 0, "until": "2025-11-09T10:30:00Z"})
    await talk.until("replay_finished")
    await talk.say({"type": "replay", "after": 0, "paused": True})
    await talk.say({"type": "replay_stop", "ref": "s"})
    await talk.until("replay_finished")
    await talk.say({"type": "unsubscribe", "channels": ["jobs", "photos", "job:a"], "ref": 8})
    await talk.until("unsubscription_confirmed")
    # It follows a channel without events now: it is told how far the log is by the clock.
    await talk.say({"type": "job_started", "job_id": "c"})
    await talk.until("checkpoint")
    assert check_all(talk.told) == SENT.keys()


async def test_every_refusal_of_the_websocket_is_described(http: HttpClient, server: WebSocketServer) -> None:
    await http.post("/events", [json.loads(bad_inputs.started(job_id=name)) for name in ("job", "done")])
    await http.post("/events", json.loads(bad_inputs.progress(event_id="first")))
    await http.post("/progress/complete", {"job_id": "done"})
    async with connect(server.url.replace("http", "ws") + "/ws") as connection:
        talk = Talk(connection)
        refused = [message for message, _, _ in bad_inputs.REFUSED.values() if len(message) < bad_inputs.PAYLOAD_LIMIT]
        for message in [*bad_inputs.INVALID.values(), *refused]:
            await connection.send(message)
            await talk.until("error")
    assert check_all(talk.told) == {"connection_established", "error"}


async def test_every_message_of_an_event_stream_is_described(pruned: ProgressReporter, http: HttpClient) -> None:
    told: list[Message] = []
    cursor = {"Last-Event-ID": "1@another"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{http.url}/events/stream?channel=job:a&channel=job:b", headers=cursor) as response,
    ):
        assert (await http.post("/events", _LIFE)).status == 200
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not told or told[-1]["type"] != "job_failed":
                told += _data(await response.content.readline())
            await http.post("/events", {"type": "job_started", "job_id": "c"})
            while told[-1]["type"] != "checkpoint":
                told += _data(await response.content.readline())
    by_itself = {"connection_established", "reset", "truncated", "caught_up", "checkpoint"}
    assert check_all(told) == by_itself | FACTS.keys()


def _data(line: bytes) -> list[Message]:
    return [json.loads(line.removeprefix(b"data: "))] if line.startswith(b"data: ") else []


async def test_every_message_of_the_polling_fallback_is_described(pruned: ProgressReporter, http: HttpClient) -> None:
    client_id = (await http.post("/ws/handshake", {"client_type": "lightroom"})).body["client_id"]
    asked: list[Message] = [
        {"type": "register", "client_name": "Plug-in"},
        {"type": "subscribe", "channels": ["jobs", "photos"], "after": 1, "epoch": "another", "ref": 1},
        *_LIFE,
        {"type": "ping", "ref": "p"},
        {"type": "photo_info", "job_id": "nobody"},
    ]
    sent = await http.post("/ws/send", {"client_id": client_id, "messages": asked})
    polled: list[Message] = []
    while not any(message["type"] == "job_failed" for message in polled):
        polled += (await http.get("/ws/poll", client_id=client_id, wait=PATIENCE_SECONDS)).body["messages"]
    left = await http.post(
        "/ws/send", {"client_id": client_id, "message": {"type": "unsubscribe", "channels": ["jobs"]}}
    )
    told = [*sent.body["response"], *polled, left.body["response"]]
    # A poll's cursor says what a checkpoint says, and its requests bring the token.
    assert check_all(told) == SENT.keys() - {"authenticated", "checkpoint"} - _OF_REPLAYS
