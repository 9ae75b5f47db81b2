"""``/ws/handshake``, ``poll``, ``send``, ``disconnect``: for clients that can only ask again and again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.poll_client import Cursor, PollClient, read_cursor, welcome
from api.session import Session
from api.websocket_server import WebSocketServer
from tests.api.clients import (
    PATIENCE_SECONDS,
    HttpClient,
    Message,
    http_client,
    is_unbroken,
    positions,
    socket_client,
)
from tests.api.memory_log import Log
from tracker.events import RecordedEvent
from tracker.filters import EventFilter, shared_filter
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store.base import LogHead
from tracker.tokens import FULL_ACCESS

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


def types(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages]


async def ask_without_cursor(poller: Poller) -> list[Message]:
    messages: list[Message] = (await poller.http.get("/ws/poll", client_id=poller.client_id)).body["messages"]
    return messages


async def test_answers_that_are_lost_lose_nothing_and_repeat_nothing(poller: Poller, served: ProgressReporter) -> None:
    async def poll_again() -> list[Message]:
        kept = poller.cursor
        lost = await poller.poll()
        poller.cursor = kept
        served.update_progress("j", "importing", 1).wait()
        messages = await poller.poll()
        events = [message for message in lost if "sequence" in message]
        assert messages[: len(events)] == events or not events
        return messages

    report_some(served, 1100)
    messages = await poll_again()
    assert types(messages) == ["connection_established"]
    await poller.subscribe("jobs", after=0)
    messages = []
    while "caught_up" not in types(messages):
        messages += await poll_again()
    for _ in range(5):
        messages += await poll_again()
    head = await poller.http.head()
    assert positions([message for message in messages if "sequence" in message]) == list(range(1, head + 1))
    assert types(messages).count("caught_up") == 1


async def test_who_sends_no_cursor_gets_what_comes_after_its_last_answer(
    poller: Poller, served: ProgressReporter
) -> None:
    assert types(await ask_without_cursor(poller)) == ["connection_established"]
    await poller.subscribe("jobs")
    report_some(served, 2)
    assert positions(await ask_without_cursor(poller)) == [1, 2]
    assert await ask_without_cursor(poller) == []
    served.update_progress("j", "importing", 50).wait()
    assert positions(await ask_without_cursor(poller)) == [3]


async def test_without_a_place_a_poller_begins_from_now(poller: Poller, served: ProgressReporter) -> None:
    report_some(served, 3)
    await poller.poll()
    assert (await poller.subscribe("jobs"))["after"] == 3
    assert await poller.poll() == []
    served.update_progress("j", "importing", 50).wait()
    assert positions(await poller.poll()) == [4]


async def test_a_channel_that_is_added_behind_the_head_loses_nothing(poller: Poller, served: ProgressReporter) -> None:
    report_some(served, 700)
    served.send_photo_info("j", {}).wait()
    await poller.poll()
    await poller.subscribe("jobs", after=0)
    messages = await poller.poll()
    assert len(messages) < 700
    await poller.subscribe("photos")
    while "caught_up" not in types(messages):
        messages += await poller.poll()
    assert positions(messages[:-1]) == list(range(1, 702))


async def test_a_channel_that_is_added_while_a_page_is_read_is_followed_from_the_same_place() -> None:
    session = Session("x", 0)
    session.filter = shared_filter(frozenset({"jobs"}))

    class Busy(Log):
        async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
            page = await super().read(after, limit, wanted)
            session.filter = shared_filter(session.channels | {"photos"})
            client.refollow()
            return page

    log = Busy(2)
    log.commit_next(kind="photo_info")
    log.commit_next()
    client = PollClient(session, log.feed, FULL_ACCESS, {}, Cursor(0, 0, "e"), ExitStack())
    assert await client.poll(None, 0) == ([], "0.0@e")
    messages, _ = await client.poll(None, 0)
    assert positions(messages) == [1, 2, 3, 4]


async def test_a_new_place_holds_whatever_cursor_the_client_still_has(poller: Poller, served: ProgressReporter) -> None:
    report_some(served, 5)
    await poller.subscribe("jobs", after=0)
    old = poller.cursor
    await poller.poll()
    await poller.subscribe("jobs", after=3)
    poller.cursor = old
    assert positions((await poller.poll())[:-1]) == [4, 5]


async def test_after_unsubscribing_nothing_comes_and_subscribing_again_is_from_now(
    poller: Poller, served: ProgressReporter
) -> None:
    await poller.poll()
    await poller.subscribe("jobs", "photos")
    answer = await poller.send({"type": "unsubscribe", "channels": ["jobs"]})
    assert answer == {"type": "unsubscription_confirmed", "channels": ["photos"]}
    report_some(served, 3)
    assert positions(await poller.poll()) == [1]
    await poller.send({"type": "unsubscribe", "channels": ["photos"]})
    served.send_photo_info("j", {}).wait()
    assert await poller.poll() == []
    assert (await poller.subscribe("photos"))["after"] == 4
    assert await poller.poll() == []


async def test_types_narrow_what_is_polled(poller: Poller, served: ProgressReporter) -> None:
    await poller.poll()
    confirmed = await poller.subscribe("jobs", types=["job_started", "job_completed"])
    assert confirmed["types"] == ["job_completed", "job_started"]
    report_some(served, 3)
    served.complete_job("j").wait()
    assert types(await poller.poll()) == ["job_started", "job_completed"]


async def test_a_place_in_another_log_is_reset_as_often_as_it_is_asked_for(
    poller: Poller, served: ProgressReporter
) -> None:
    report_some(served, 2)
    await poller.poll()
    assert (await poller.subscribe("jobs", after=500, epoch="another"))["after"] == 0
    handed = poller.cursor
    for _ in range(2):
        poller.cursor = handed
        messages = await poller.poll()
        assert messages[0] == {"type": "reset", "epoch": poller.hello["epoch"], "head": 2}
        assert types(messages[1:]) == ["job_started", "job_progress", "caught_up"]
    assert await poller.poll() == []


async def test_a_place_below_the_horizon_is_told_what_was_pruned(poller: Poller, served: ProgressReporter) -> None:
    report_some(served, 2)
    served.complete_job("j").wait()
    served.tracker.retention.prune_once(2**60)
    await poller.poll()
    await poller.subscribe("jobs", after=1)
    messages = await poller.poll()
    assert messages[0] == {"type": "truncated", "after": 1, "horizon": 3}
    assert messages[-1]["type"] == "caught_up"


async def test_a_poll_that_waits_ends_when_its_client_subscribes(poller: Poller, served: ProgressReporter) -> None:
    report_some(served, 2)
    await poller.poll()
    waiting = asyncio.create_task(poller.poll(wait=30))
    await poller.http.get("/healthz")
    await poller.subscribe("jobs", after=0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        messages = await waiting
    assert types(messages or await poller.poll()) == ["job_started", "job_progress", "caught_up"]
    assert await poller.poll() == []


async def test_polls_and_subscriptions_at_the_same_time_give_no_event_twice(
    http: HttpClient, served: ProgressReporter
) -> None:
    for _ in range(20):
        poller = await Poller.join(http)
        served.start_job(poller.client_id).wait()
        await poller.poll()
        messages, _ = await asyncio.gather(poller.poll(), poller.subscribe(f"job:{poller.client_id}", after=0))
        while "caught_up" not in types(messages):
            messages += await poller.poll()
        assert types(messages) == ["job_started", "caught_up"]
        await http.post("/ws/disconnect", {"client_id": poller.client_id})


async def test_a_poll_that_waits_ends_when_its_client_leaves(poller: Poller) -> None:
    await poller.poll()
    await poller.subscribe("jobs")
    waiting = asyncio.create_task(
        poller.http.get("/ws/poll", client_id=poller.client_id, cursor=poller.cursor, wait=30)
    )
    await poller.http.get("/healthz")
    await poller.http.post("/ws/disconnect", {"client_id": poller.client_id})
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await waiting
    assert answer.body.get("messages") == [] or answer.status == 404


async def test_a_poll_answers_without_anything_when_its_wait_is_over(poller: Poller) -> None:
    await poller.poll()
    assert await poller.poll(wait=1) == []
    await poller.subscribe("jobs")
    assert await poller.poll(wait=1) == []


async def test_an_event_is_durable_when_it_is_acknowledged(poller: Poller, tmp_path: Path) -> None:
    answer = await poller.send(STARTED)
    with closing(sqlite3.connect(f"{(tmp_path / 'log.db').as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT job_id, sequence FROM events WHERE position = ?", (answer["position"],))
        assert rows.fetchall() == [("j", 1)]


async def test_a_list_is_successful_when_every_message_is(poller: Poller) -> None:
    async def send(messages: Any) -> Any:
        return await poller.http.post("/ws/send", {"client_id": poller.client_id, "messages": messages})

    assert (await send([STARTED, {"type": "ping"}])).body["success"] is True
    assert (await send([])).body["response"] == []
    assert len((await send([{"type": "ping"}] * 1000)).body["response"]) == 1000
    refused: list[Any] = [[{"type": "ping"}] * 1001, {}, "ping", 5]
    for wrong in refused:
        answer = await send(wrong)
        assert (answer.status, answer.body["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("cursor", ["0.{beyond}@{epoch}", "999999999wnc.0@{epoch}", "1.1@another", "5.0"])
async def test_a_cursor_that_is_not_of_this_subscription_is_at_its_beginning(
    poller: Poller, served: ProgressReporter, cursor: str
) -> None:
    report_some(served, 2)
    await poller.poll()
    await poller.subscribe("jobs", after=0)
    poller.cursor = cursor.format(beyond=10**9, epoch=poller.hello["epoch"])
    assert types(await poller.poll()) == ["job_started", "job_progress", "caught_up"]


@pytest.mark.parametrize(("path", "method"), [("/ws/poll", "GET"), ("/ws/send", "POST")])
async def test_a_client_that_never_shook_hands_is_unknown(http: HttpClient, path: str, method: str) -> None:
    options = {"params": {"client_id": "x"}} if method == "GET" else {"json": {"client_id": "x"}}
    answer = await http.request(method, path, **options)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (404, False, "unknown_client")


@pytest.mark.parametrize(("silent_seconds", "is_expired"), [(179, False), (181, True)])
async def test_a_client_is_forgotten_after_three_silent_minutes(
    monkeypatch: pytest.MonkeyPatch, silent_seconds: int, is_expired: bool
) -> None:
    told, cursor = welcome(Session("x", 0), LogHead(0, 0, "e"))
    client = PollClient(Session("x", 0), Log().feed, FULL_ACCESS, told, cursor, ExitStack())
    loop = asyncio.get_running_loop()
    later = loop.time() + silent_seconds
    monkeypatch.setattr(loop, "time", lambda: later)
    assert client.is_expired is is_expired
    client.seen()
    assert client.is_expired is False


async def test_a_client_that_went_without_a_word_gives_its_place_to_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WebSocketServer(port=0)
    small = replace(settings, max_clients=1, checkpoint_interval_seconds=0.05)
    with ProgressReporter(server, settings=small):
        async with http_client(server.url) as http:
            gone = await Poller.join(http)
            monkeypatch.setattr("api.poll_client.EXPIRES_AFTER_SECONDS", -1)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (await http.get("/ws/status")).body["connected_clients"]:
                    await asyncio.sleep(0.01)
            assert (await http.get("/ws/poll", client_id=gone.client_id)).status == 404
            async with socket_client(server.url) as client:
                assert client.welcome["type"] == "connection_established"


@pytest.mark.parametrize("text", ["0w.0@e", "3.17@e", "12nc.5@e", "7wnc.0@f00"])
def test_a_cursor_is_read_as_it_was_written(text: str) -> None:
    assert read_cursor(text).text() == text
