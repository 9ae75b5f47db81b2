"""``/ws``: the conversation. What is streamed is in ``test_websocket_streams``."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode

from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, SocketClient, positions, socket_client
from tracker.progress_reporter import ProgressReporter

STARTED = {"type": "job_started", "job_id": "j", "photo_id": 456}


def report(progress: float = 1, job_id: str = "j", **fields: Any) -> dict[str, Any]:
    return {"type": "job_progress", "job_id": job_id, "stage": "importing", "progress": progress, **fields}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of the log, to look at behind the tracker's back."""
    return tmp_path / "log.db"


def is_committed(database: Path, position: int, job_id: str, sequence: int) -> bool:
    """Whether another process would find this event now."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT job_id, sequence FROM events WHERE position = ?", (position,)).fetchone()
    return bool(row == (job_id, sequence))


async def test_the_server_speaks_first(served: ProgressReporter, server: WebSocketServer, http: HttpClient) -> None:
    served.start_job("j").wait()
    status = (await http.get("/ws/status")).body
    async with socket_client(server.url) as client, socket_client(server.url) as other:
        client_id, server_time = client.welcome.pop("client_id"), client.welcome.pop("server_time")
        assert server_time.endswith("Z")
        assert client.welcome == {
            "type": "connection_established",
            "protocol": 1,
            "epoch": status["epoch"],
            "head": 1,
            "horizon": 0,
        }
        assert client_id != other.welcome["client_id"]


async def test_registering_is_confirmed_with_the_same_fields(socket: SocketClient) -> None:
    answer = await socket.ask({"type": "register", "client_type": "lightroom", "client_name": "LrC", "ref": "r"})
    assert answer == {
        "type": "registration_confirmed",
        "client_id": socket.welcome["client_id"],
        "client_type": "lightroom",
        "client_name": "LrC",
        "ref": "r",
    }


async def test_a_ping_is_answered_with_the_time(socket: SocketClient) -> None:
    answer = await socket.ask({"type": "ping"})
    assert answer.keys() == {"type", "timestamp"}
    assert answer["timestamp"] >= socket.welcome["server_time"]


async def test_a_binary_message_is_read_as_a_text_is(socket: SocketClient) -> None:
    await socket.connection.send(json.dumps({"type": "ping"}).encode())
    assert (await socket.receive())["type"] == "pong"


async def test_answers_come_in_the_order_of_the_questions_with_their_refs(socket: SocketClient) -> None:
    for ref in range(100):
        await socket.send({"type": ["ping", "register", "nonsense"][ref % 3], "ref": ref})
    assert [answer["ref"] for answer in await socket.collect(100)] == list(range(100))


@pytest.mark.parametrize("ref", ["r1", 7, 0, ""])
async def test_a_recorded_event_is_acknowledged_with_its_place_and_ref(socket: SocketClient, ref: object) -> None:
    assert await socket.ask({**STARTED, "ref": ref}) == {"type": "ack", "ref": ref, "position": 1, "sequence": 1}
    assert await socket.ask(report()) == {"type": "ack", "ref": None, "position": 2, "sequence": 2}


async def test_an_acknowledged_event_is_durable(socket: SocketClient, database: Path) -> None:
    assert not is_committed(database, 1, "j", 1)
    await socket.ask(STARTED)
    assert is_committed(database, 1, "j", 1)
    for _ in range(200):
        await socket.send(report())
    for _ in range(200):
        ack = await socket.receive()
        assert is_committed(database, ack["position"], "j", ack["sequence"])


async def test_many_events_may_be_on_their_way_and_every_one_is_acknowledged_by_its_ref(socket: SocketClient) -> None:
    await socket.ask(STARTED)

    async def send() -> None:
        for number in range(2000):
            await socket.send(report(number % 101, ref=number))

    sending = asyncio.create_task(send())
    acks = await socket.collect(2000)
    await sending
    assert {(ack["type"], ack["ref"], ack["position"]) for ack in acks} == {
        ("ack", number, number + 2) for number in range(2000)
    }


async def test_refused_events_among_good_ones_are_answered_by_their_refs(
    socket: SocketClient, http: HttpClient
) -> None:
    await socket.ask(STARTED)
    bad = [report(101), report(job_id="nobody"), report(stage="polishing"), {"type": "job_exploded"}]
    for number in range(200):
        await socket.send({**(bad[number % 4] if number % 2 else report(1)), "ref": number})
    answers = {answer["ref"]: answer["type"] for answer in await socket.collect(200)}
    assert answers == {number: "error" if number % 2 else "ack" for number in range(200)}
    assert await http.head() == 101


@pytest.mark.parametrize(
    ("message", "code", "fields"),
    [
        (report(101), "invalid_event", {"field": "progress"}),
        (report(job_id="nobody"), "job_not_found", {"job_id": "nobody"}),
        ({**STARTED, "photo_id": 9}, "job_exists", {"job_id": "j"}),
        (report(job_id="done"), "job_finished", {"job_id": "done"}),
        (report(job_id="pruned"), "job_pruned", {"job_id": "pruned"}),
        ({"type": "job_started", "job_id": "pruned"}, "job_pruned", {"job_id": "pruned"}),
        (report(2, event_id="e"), "duplicate_event", {"event_id": "e"}),
        ({"type": "nonsense"}, "invalid_query", {"field": "type"}),
        ({"type": "subscribe"}, "invalid_query", {"field": "channels"}),
        ({"type": "subscribe", "channels": ["everything"]}, "invalid_query", {"field": "channels"}),
        ({"type": "subscribe", "channels": ["jobs"], "after": -1}, "invalid_query", {"field": "after"}),
        ({"type": "subscribe", "channels": ["jobs"], "after": "0"}, "invalid_query", {"field": "after"}),
        ({"type": "unsubscribe", "channels": "jobs"}, "invalid_query", {"field": "channels"}),
        ({"type": "register", "client_type": 5}, "invalid_event", {"field": "client_type"}),
    ],
)
async def test_an_error_has_a_text_a_code_and_the_ref_and_the_connection_stays_open(
    served: ProgressReporter, socket: SocketClient, message: dict[str, Any], code: str, fields: dict[str, Any]
) -> None:
    served.start_job("pruned")
    served.complete_job("pruned").wait()
    served.tracker.retention.prune_once(2**60)
    served.start_job("j", 456)
    served.update_progress("j", "importing", 1, event_id="e")
    served.start_job("done")
    served.complete_job("done").wait()
    answer = await socket.ask({**message, "ref": "r"})
    text = answer.pop("error")
    assert answer == {"type": "error", "code": code, "ref": "r", **fields}
    assert len(text) > 10
    assert await socket.is_silent()


async def test_an_event_sent_again_with_its_id_is_acknowledged_with_its_first_place(socket: SocketClient) -> None:
    await socket.ask(STARTED)
    for _ in range(3):
        await socket.send(report(event_id="e1", ref="r"))
    assert await socket.collect(3) == [{"type": "ack", "ref": "r", "position": 2, "sequence": 2}] * 3


async def test_what_a_client_sent_before_it_left_is_recorded(
    served: ProgressReporter, server: WebSocketServer, viewer: SocketClient
) -> None:
    await viewer.subscribe("jobs")
    async with socket_client(server.url) as leaving:
        await leaving.send(STARTED)
        for _ in range(100):
            await leaving.send(report())
    assert positions(await viewer.collect(101)) == list(range(1, 102))


async def test_a_client_that_vanishes_disturbs_nobody(
    served: ProgressReporter, server: WebSocketServer, viewer: SocketClient, http: HttpClient
) -> None:
    await viewer.subscribe("jobs")
    for _ in range(5):
        async with socket_client(server.url) as vanishing:
            await vanishing.subscribe("jobs", after=0)
            vanishing.connection.transport.abort()
    served.start_job("j").wait()
    assert (await viewer.receive())["position"] == 1


async def test_a_client_is_told_to_come_back_when_the_server_stops(
    served: ProgressReporter, socket: SocketClient
) -> None:
    await socket.subscribe("jobs")
    served.start_job("j")
    served.complete_job("j")
    await asyncio.to_thread(served.close)
    events = await socket.collect(2)
    assert [event["type"] for event in events] == ["job_started", "job_completed"], "what was accepted comes first"
    with pytest.raises(ConnectionClosedError) as closed:
        await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.SERVICE_RESTART
