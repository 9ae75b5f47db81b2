"""``/ws/handshake``, ``poll``, ``send``, ``disconnect``: for clients that can only ask again and again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.clients import HttpClient, Message, is_unbroken, positions
from tracker.progress_reporter import ProgressReporter

STARTED = {"type": "job_started", "job_id": "j", "photo_id": 456}


class Poller:
    """A client by the protocol: shakes hands, keeps its cursor, asks on."""

    def __init__(self, http: HttpClient, hello: Message) -> None:
        self.http = http
        self.hello = hello
        self.client_id: str = hello["client_id"]
        self.cursor: str = hello["cursor"]

    @classmethod
    async def join(cls, http: HttpClient, **fields: Any) -> Poller:
        answer = await http.post("/ws/handshake", {"client_type": "lightroom", "protocol_version": 1, **fields})
        assert answer.status == 200
        return cls(http, answer.body)

    async def poll(self, wait: int = 0) -> list[Message]:
        answer = await self.http.get("/ws/poll", client_id=self.client_id, cursor=self.cursor, wait=wait)
        assert answer.status == 200
        assert answer.body.keys() == {"success", "messages", "cursor", "timestamp"}
        self.cursor = answer.body["cursor"]
        messages: list[Message] = answer.body["messages"]
        return messages

    async def send(self, message: Any) -> Message:
        body = (await self.http.post("/ws/send", {"client_id": self.client_id, "message": message})).body
        assert body.keys() == {"success", "response", "timestamp"}
        assert body["success"] is (body["response"]["type"] != "error")
        response: Message = body["response"]
        return response

    async def subscribe(self, *channels: str, **options: Any) -> Message:
        return await self.send({"type": "subscribe", "channels": list(channels), **options})


@pytest.fixture
async def poller(http: HttpClient) -> Poller:
    return await Poller.join(http)


def report_some(served: ProgressReporter, count: int) -> None:
    served.start_job("j", 456)
    for number in range(count - 1):
        served.update_progress("j", "importing", number % 101)
    served.flush()


async def test_a_handshake_gives_an_identity_and_a_cursor(poller: Poller) -> None:
    assert poller.hello.keys() == {"success", "client_id", "protocol_version", "server_time", "epoch", "cursor"}
    assert (poller.hello["success"], poller.hello["protocol_version"]) == (True, 1)
    assert isinstance(poller.cursor, str)


async def test_the_first_poll_begins_with_the_welcome_and_only_the_first(poller: Poller) -> None:
    (welcome,) = await poller.poll()
    assert (welcome["type"], welcome["client_id"]) == ("connection_established", poller.client_id)
    assert await poller.poll() == []


async def test_a_poller_gets_what_it_subscribed_to(poller: Poller, served: ProgressReporter) -> None:
    await poller.poll()
    confirmed = await poller.subscribe("jobs", ref="r")
    assert confirmed == {"type": "subscription_confirmed", "channels": ["jobs"], "after": 0, "ref": "r"}
    report_some(served, 3)
    served.send_photo_info("j", {}).wait()
    messages = await poller.poll()
    assert positions(messages) == [1, 2, 3]
    assert is_unbroken(messages, 0)
    assert await poller.poll() == []


async def test_the_same_cursor_gives_the_same_messages(poller: Poller, served: ProgressReporter) -> None:
    await poller.poll()
    await poller.subscribe("jobs", after=0)
    report_some(served, 3)
    kept = poller.cursor
    first = await poller.poll()
    for _ in range(2):
        poller.cursor = kept
        assert await poller.poll() == first
    assert [message["type"] for message in first].count("caught_up") == 1


async def test_history_comes_in_order_over_many_polls_then_caught_up(
    http: HttpClient, served: ProgressReporter
) -> None:
    report_some(served, 1300)
    poller = await Poller.join(http)
    await poller.subscribe("jobs", after=0)
    messages: list[Message] = []
    while not messages or messages[-1]["type"] != "caught_up":
        messages += await poller.poll()
    events = [message for message in messages if "sequence" in message]
    assert positions(events) == list(range(1, 1301))
    assert await poller.poll() == []


async def test_a_poll_waits_for_the_next_event(poller: Poller, served: ProgressReporter) -> None:
    await poller.poll()
    await poller.subscribe("jobs")
    waiting = asyncio.create_task(poller.poll(wait=20))
    await poller.http.get("/healthz")
    served.start_job("j").wait()
    assert positions(await waiting) == [1]


async def test_events_are_acknowledged_and_errors_answered_as_on_the_websocket(poller: Poller) -> None:
    assert await poller.send({**STARTED, "ref": 1}) == {"type": "ack", "ref": 1, "position": 1, "sequence": 1}
    refused = await poller.send({"type": "job_progress", "job_id": "j", "stage": "importing", "progress": 101})
    assert (refused["type"], refused["code"]) == ("error", "invalid_event")
    assert (await poller.send({"type": "ping"}))["type"] == "pong"


async def test_many_messages_are_answered_in_their_order(poller: Poller) -> None:
    messages = [{**STARTED, "ref": 0}, {"type": "nonsense", "ref": 1}, {"type": "ping", "ref": 2}]
    body = (await poller.http.post("/ws/send", {"client_id": poller.client_id, "messages": messages})).body
    assert body["success"] is False
    assert [(answer["type"], answer["ref"]) for answer in body["response"]] == [("ack", 0), ("error", 1), ("pong", 2)]


async def test_a_cursor_beyond_the_head_changes_nothing(poller: Poller, served: ProgressReporter) -> None:
    await poller.subscribe("photos")
    refused = await poller.subscribe("jobs", after=99, types=["job_failed"])
    assert (refused["type"], refused["field"]) == ("error", "after")
    assert (await poller.send({"type": "unsubscribe", "channels": []}))["channels"] == ["photos"]
    served.start_job("j")
    served.update_progress("j", "importing", 1)
    served.send_photo_info("j", {}).wait()
    messages = await poller.poll()
    assert [message["type"] for message in messages] == ["connection_established", "job_started", "photo_info"]


async def test_a_client_that_left_is_unknown_and_leaving_again_is_harmless(poller: Poller, http: HttpClient) -> None:
    for _ in range(2):
        assert (await http.post("/ws/disconnect", {"client_id": poller.client_id})).body["success"] is True
    answer = await http.get("/ws/poll", client_id=poller.client_id)
    assert (answer.status, answer.body["code"]) == (404, "unknown_client")
    assert (await http.get("/ws/status")).body["connected_clients"] == 0


async def test_a_polling_client_is_described_in_the_status(poller: Poller, http: HttpClient) -> None:
    (client,) = (await http.get("/ws/status")).body["clients"]
    assert (client["client_id"], client["client_type"], client["transport"]) == (poller.client_id, "lightroom", "poll")


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("client_id", [None, 5, [], {}, deep(900)])
async def test_a_client_id_that_is_none_is_refused(http: HttpClient, client_id: object) -> None:
    body = b'{"client_id":%b,"message":{"type":"ping"}}' % repr(client_id).replace("None", "null").encode()
    answer = await http.post_bytes("/ws/send", body)
    assert (answer.status, answer.body["code"]) == (400, "invalid_query")
    assert (await http.post_bytes("/ws/disconnect", body)).status == 200


NO_VERSIONS: list[Any] = [2, "2", [], {}, deep(100)]
NO_NAMES: list[Any] = ["", "a\nb", 5, [], "x" * 201]


@pytest.mark.parametrize(
    "fields",
    [*[{"protocol_version": version} for version in NO_VERSIONS], *[{"client_type": name} for name in NO_NAMES]],
)
async def test_a_handshake_that_makes_no_sense_is_a_400(http: HttpClient, fields: dict[str, Any]) -> None:
    answer = await http.post("/ws/handshake", fields)
    assert (answer.status, answer.body["success"]) == (400, False)
    assert (await http.get("/ws/status")).body["connected_clients"] == 0


@pytest.mark.parametrize(
    "query",
    ["wait=31", "wait=-1", "wait=x", "since=4", *[f"cursor={text}" for text in ("x", "", "1", "1.x@e", "-1.0@e", ".")]],
)
async def test_a_poll_that_makes_no_sense_is_a_400(poller: Poller, query: str) -> None:
    answer = await poller.http.get_encoded(f"/ws/poll?client_id={poller.client_id}&{query}")
    assert (answer.status, answer.body["code"]) == (400, "invalid_query")
    assert [message["type"] for message in await poller.poll()] == ["connection_established"]
