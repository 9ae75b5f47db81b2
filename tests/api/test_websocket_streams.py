"""``/ws``: what is streamed. Every event once, in order, from the cursor on, and only what is committed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, Message, SocketClient, is_unbroken, positions, socket_client
from tests.security.frames import TEXT, frame
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

EVENTS = 5_000


@pytest.fixture
def settings(database_url: str) -> Settings:
    # Few events are held in memory: who is behind reads the log itself.
    return Settings(database_url=database_url, ring_events=100)


@pytest.fixture
def committed_head(served: ProgressReporter, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of its own, which sees only what is committed."""
    with closing(sqlite3.connect(f"{(tmp_path / 'log.db').as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def head_of(connection: sqlite3.Connection) -> int:
    position: int = connection.execute("SELECT position FROM log_head").fetchone()[0]
    return position


def report_some(served: ProgressReporter, count: int, job_id: str = "j") -> None:
    """A job and its progress: ``count`` events in all."""
    served.start_job(job_id, 456)
    for number in range(count - 1):
        served.update_progress(job_id, "importing", number % 101)
    served.flush()


async def test_without_a_cursor_only_what_comes_from_now_on_is_streamed(
    served: ProgressReporter, socket: SocketClient
) -> None:
    report_some(served, 10)
    assert await socket.ask({"type": "subscribe", "channels": ["jobs"], "ref": 1}) == {
        "type": "subscription_confirmed",
        "channels": ["jobs"],
        "after": 10,
        "ref": 1,
    }
    served.update_progress("j", "importing", 1).wait()
    assert (await socket.receive())["position"] == 11


@pytest.mark.parametrize("after", [0, 1, 7, 9, 10])
async def test_after_a_cursor_everything_above_it_comes_then_caught_up_then_live(
    served: ProgressReporter, socket: SocketClient, after: int
) -> None:
    report_some(served, 10)
    confirmed = await socket.subscribe("jobs", after=after)
    assert (confirmed["channels"], confirmed["after"]) == (["jobs"], after)
    messages = await socket.until(type="caught_up")
    assert positions(messages[:-1]) == list(range(after + 1, 11))
    assert messages[-1].keys() == {"type", "position", "prev"}
    assert (messages[-1]["position"], messages[-1]["prev"]) == (10, 10 if after < 10 else 0)
    served.update_progress("j", "importing", 1).wait()
    live = await socket.receive()
    assert live["position"] == 11
    assert is_unbroken([*messages[:-1], live], after)


async def test_a_cursor_in_an_empty_log_has_caught_up_at_once(socket: SocketClient) -> None:
    await socket.subscribe("jobs", after=0)
    assert await socket.receive() == {"type": "caught_up", "position": 0, "prev": 0}


@pytest.mark.parametrize("after", [11, 1000, 2**53 - 1])
async def test_a_cursor_beyond_the_head_is_an_error_and_nothing_is_followed(
    served: ProgressReporter, socket: SocketClient, http: HttpClient, after: int
) -> None:
    report_some(served, 10)
    answer = await socket.ask({"type": "subscribe", "channels": ["jobs"], "after": after, "ref": "r"})
    assert (answer["type"], answer["code"], answer["field"], answer["ref"]) == ("error", "invalid_query", "after", "r")
    (client,) = (await http.get("/ws/status")).body["clients"]
    assert client["channels"] == []
    served.update_progress("j", "importing", 1).wait()
    assert await socket.is_silent()


async def test_a_refused_cursor_leaves_the_subscription_that_there_is(
    served: ProgressReporter, socket: SocketClient
) -> None:
    await socket.subscribe("photos")
    for refused in (
        {"type": "subscribe", "channels": ["jobs"], "types": ["job_failed"], "after": 99},
        {"type": "subscribe", "channels": ["jobs"], "after": -1},
        {"type": "subscribe", "channels": ["jobs", "nothing"]},
    ):
        assert (await socket.ask(refused))["type"] == "error"
    served.start_job("j")
    served.update_progress("j", "importing", 1)
    served.send_photo_info("j", {}).wait()
    assert [event["type"] for event in await socket.collect(2)] == ["job_started", "photo_info"]
    confirmed = await socket.ask({"type": "unsubscribe", "channels": []})
    assert confirmed["channels"] == ["photos"]
    served.send_photo_info("j", {}).wait()
    assert (await socket.receive())["type"] == "photo_info"


async def test_a_cursor_of_another_log_is_reset_to_the_beginning_of_this(
    served: ProgressReporter, socket: SocketClient
) -> None:
    report_some(served, 10)
    assert (await socket.subscribe("jobs", after=500, epoch="another"))["after"] == 0
    reset, *rest = await socket.until(type="caught_up")
    assert reset == {"type": "reset", "epoch": socket.welcome["epoch"], "head": 10}
    assert positions(rest[:-1]) == list(range(1, 11))


async def test_a_cursor_of_this_log_is_taken_with_its_epoch(served: ProgressReporter, socket: SocketClient) -> None:
    report_some(served, 10)
    await socket.subscribe("jobs", after=8, epoch=socket.welcome["epoch"])
    messages = await socket.until(type="caught_up")
    assert positions(messages[:-1]) == [9, 10]


@pytest.mark.parametrize(("after", "is_truncated"), [(0, True), (1, True), (4, True), (5, False), (6, False)])
async def test_a_cursor_below_the_horizon_is_told_and_goes_on_with_what_is_left(
    served: ProgressReporter, socket: SocketClient, after: int, is_truncated: bool
) -> None:
    served.start_job("kept")  # 1
    report_some(served, 3, "gone")  # 2 to 4
    served.complete_job("gone").wait()  # 5, the horizon
    for _ in range(200):
        served.update_progress("kept", "importing", 1)  # 6 to 205
    served.flush()
    assert served.tracker.retention.prune_once(2**60).events == 4
    assert (await socket.subscribe("jobs", after=after))["after"] == after
    messages = await socket.until(type="caught_up")
    if is_truncated:
        assert messages.pop(0) == {"type": "truncated", "after": after, "horizon": 5}
    assert positions(messages[:-1]) == [position for position in (1, *range(6, 206)) if position > after]


async def test_a_streamed_event_is_the_stored_message_with_prev(
    served: ProgressReporter, socket: SocketClient, http: HttpClient
) -> None:
    await socket.subscribe("jobs", "photos")
    served.start_job("j", 456, {"file_name": "IMG_001.CR3"})
    served.update_progress("j", "exif_analysis", 25, "Größe \U0001f4f7", {"iso": 800}, event_id="e1")
    served.complete_stage("j", "exif_analysis", {"iso": 800})
    served.send_photo_info("j", {"exif": {}})
    served.report_error("j", "io", "lost")
    served.complete_job("j", success=False, result={"error": "lost"}).wait()
    streamed = await socket.collect(6)
    assert [event.pop("prev") for event in streamed] == [0, 1, 2, 3, 4, 5]
    assert streamed == (await http.get("/jobs/j/events")).body["events"]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (["jobs"], [1, 2, 4, 5, 6]),
        (["photos"], [1, 2, 3]),
        (["job:j"], [1, 3, 4, 6]),
        (["job:k"], [2, 5]),
        (["job:nobody"], []),
        (["system"], []),
        (["jobs", "photos"], [1, 2, 3, 4, 5, 6]),
        (["photos", "job:k"], [1, 2, 3, 5]),
        (["jobs", "photos", "job:j", "job:k", "system"], [1, 2, 3, 4, 5, 6]),
    ],
)
@pytest.mark.parametrize("is_live", [True, False])
async def test_an_event_comes_once_however_many_channels_carry_it(
    served: ProgressReporter, socket: SocketClient, channels: list[str], expected: list[int], is_live: bool
) -> None:
    if is_live:
        await socket.subscribe(*channels)
    served.start_job("j")
    served.start_job("k")
    served.send_photo_info("j", {})
    served.update_progress("j", "importing", 1)
    served.update_progress("k", "importing", 1)
    served.complete_job("j").wait()
    if not is_live:
        await socket.subscribe(*channels, after=0)
        messages = await socket.until(type="caught_up")
    else:
        messages = await socket.collect(len(expected))
        assert await socket.is_silent()
    events = [message for message in messages if message["type"] != "caught_up"]
    assert positions(events) == expected
    assert [event["prev"] for event in events] == [0, *expected[:-1]][: len(expected)]


async def test_types_narrow_a_stream(served: ProgressReporter, socket: SocketClient) -> None:
    await socket.subscribe("jobs", types=["job_started", "job_completed"])
    report_some(served, 5)
    served.complete_job("j").wait()
    started, completed = await socket.collect(2)
    assert (started["position"], started["prev"]) == (1, 0)
    assert (completed["position"], completed["prev"]) == (6, 1)


async def test_unsubscribing_from_a_channel_leaves_the_others(served: ProgressReporter, socket: SocketClient) -> None:
    await socket.subscribe("jobs", "photos")
    served.start_job("j").wait()
    assert (await socket.receive())["position"] == 1
    answer = await socket.ask({"type": "unsubscribe", "channels": ["jobs"], "ref": 5})
    assert answer == {"type": "unsubscription_confirmed", "channels": ["photos"], "ref": 5}
    served.update_progress("j", "importing", 1)
    served.send_photo_info("j", {}).wait()
    assert (await socket.receive())["position"] == 3


async def test_after_unsubscribing_from_everything_nothing_comes(
    served: ProgressReporter, socket: SocketClient
) -> None:
    await socket.subscribe("jobs", "photos")
    answer = await socket.ask({"type": "unsubscribe", "channels": ["photos", "jobs", "system"]})
    assert answer["channels"] == []
    served.start_job("j").wait()
    assert await socket.is_silent()


async def test_an_added_channel_brings_no_history_and_loses_nothing(
    served: ProgressReporter, socket: SocketClient
) -> None:
    served.start_job("j")
    served.start_job("k").wait()
    await socket.subscribe("job:j")
    # Idle for this client, while much of another job goes by.
    for progress in range(50):
        served.update_progress("k", "importing", progress)
    served.flush()
    confirmed = await socket.subscribe("job:k")
    assert (confirmed["channels"], confirmed["after"]) == (["job:j", "job:k"], 52)
    served.update_progress("k", "exporting", 60)
    served.update_progress("j", "importing", 1).wait()
    assert positions(await socket.collect(2)) == [53, 54]
    assert await socket.is_silent()


async def test_a_cursor_with_an_added_channel_holds_for_all_of_them(
    served: ProgressReporter, socket: SocketClient
) -> None:
    await socket.subscribe("job:j")
    served.start_job("j")
    served.start_job("k").wait()
    assert positions(await socket.collect(1)) == [1]
    await socket.subscribe("job:k", after=0)
    messages = await socket.until(type="caught_up")
    assert positions(messages[:-1]) == [1, 2]


async def test_caught_up_is_told_also_when_a_channel_is_added_on_the_way(
    served: ProgressReporter, socket: SocketClient
) -> None:
    count = 20_000  # pages enough that the second wish comes between them
    report_some(served, count)
    wishes = [{"type": "subscribe", "channels": ["jobs"], "after": 0}, {"type": "subscribe", "channels": ["photos"]}]
    socket.connection.transport.write(b"".join(frame(TEXT, json.dumps(wish).encode()) for wish in wishes))
    messages = await socket.until(type="caught_up")
    added = next(index for index, message in enumerate(messages) if message.get("channels") == ["jobs", "photos"])
    assert 0 < added < len(messages) - 1, "it was added on the way"
    events = [message for message in messages[:-1] if "prev" in message]
    assert positions(events) == list(range(1, count + 1))
    assert messages[-1]["position"] == count
    assert await socket.is_silent()


async def test_subscribing_again_and_again_repeats_only_what_was_asked_for(
    served: ProgressReporter, socket: SocketClient
) -> None:
    report_some(served, 2000)
    for _ in range(30):
        await socket.send({"type": "subscribe", "channels": ["jobs"], "after": 0})
    await socket.send({"type": "subscribe", "channels": ["jobs"], "after": 0, "ref": "last"})
    await socket.until(type="subscription_confirmed", ref="last")
    messages = await socket.until(type="caught_up")
    assert positions(messages[:-1]) == list(range(1, 2001))
    assert await socket.is_silent()


async def test_a_producer_is_streamed_its_own_events_as_all_are(socket: SocketClient) -> None:
    await socket.subscribe("jobs")
    await socket.send({"type": "job_started", "job_id": "j", "ref": 1})
    answers = {message["type"]: message for message in await socket.collect(2)}
    assert answers["ack"]["position"] == answers["job_started"]["position"] == 1


async def test_only_committed_events_come_in_order_while_many_write(
    served: ProgressReporter, socket: SocketClient, committed_head: sqlite3.Connection
) -> None:
    writers, each = 8, 150
    await socket.subscribe("jobs")
    with ThreadPoolExecutor(writers) as pool:
        for writer in range(writers):
            pool.submit(report_some, served, each, f"j{writer}")
        messages: list[Message] = []
        for _ in range(writers * each):
            messages.append(await socket.receive())
            assert messages[-1]["position"] <= head_of(committed_head), "streamed before it was committed"
    assert positions(messages) == list(range(1, writers * each + 1))
    assert is_unbroken(messages, 0)
    for writer in range(writers):
        sequences = [message["sequence"] for message in messages if message["job_id"] == f"j{writer}"]
        assert sequences == list(range(1, each + 1))


async def test_clients_that_come_while_thousands_are_written_get_every_event_once(
    served: ProgressReporter, server: WebSocketServer, quiet_log: None
) -> None:
    marks = [threading.Event() for _ in range(4)]
    all_here = threading.Semaphore(0)

    def write() -> None:
        served.start_job("j", 456)
        for number in range(EVENTS - 2):
            receipt = served.update_progress("j", "importing", number % 101, "x" * (number % 200))
            if number % 1000 == 500 and number < 4000:
                receipt.wait(20)  # what they ask to begin after is there
                marks[number // 1000].set()
            if number == EVENTS - 500:
                for _ in watches:  # none comes too late for the end
                    all_here.acquire(timeout=20)
        served.complete_job("j")

    async def watch(mark: threading.Event, after: int | None) -> tuple[int, list[Message]]:
        await asyncio.to_thread(mark.wait, 20)
        async with socket_client(server.url) as client:
            options: dict[str, Any] = {} if after is None else {"after": after}
            begun: int = (await client.subscribe("jobs", "photos", "job:j", **options))["after"]
            all_here.release()
            messages = await client.until(type="job_completed")
            return begun, [message for message in messages if message["type"] != "caught_up"]

    writing = threading.Thread(target=write)
    watches = [asyncio.create_task(watch(mark, after)) for mark in marks for after in (0, 100, None)]
    writing.start()
    seen = await asyncio.gather(*watches)
    await asyncio.to_thread(writing.join)
    for begun, messages in seen:
        assert positions(messages) == list(range(begun + 1, EVENTS + 1))
        assert is_unbroken(messages, begun)


async def test_a_client_that_missed_something_knows_it_by_prev_and_gets_it_again(
    served: ProgressReporter, socket: SocketClient
) -> None:
    await socket.subscribe("jobs")
    report_some(served, 5)
    messages = await socket.collect(5)
    del messages[2]  # lost on the way
    assert not is_unbroken(messages, 0)
    cursor = messages[1]["position"]
    await socket.subscribe("jobs", after=cursor)
    again = await socket.until(type="caught_up")
    assert positions(again[:-1]) == [3, 4, 5]
    assert is_unbroken([*messages[:2], *again[:-1]], 0)


async def test_a_client_that_does_not_read_delays_nobody(
    served: ProgressReporter, server: WebSocketServer, viewer: SocketClient
) -> None:
    async with socket_client(server.url) as silent:
        await silent.subscribe("jobs")
        silent.connection.transport.pause_reading()
        await viewer.subscribe("jobs")
        served.start_job("j")
        for _ in range(300):
            served.update_progress("j", "importing", 1, "x" * 30_000)
        assert positions(await viewer.collect(301)) == list(range(1, 302))
        silent.connection.transport.resume_reading()
        messages = await silent.collect(301)
        assert positions(messages) == list(range(1, 302))
        assert is_unbroken(messages, 0)


async def test_events_of_every_frame_size_arrive_whole(served: ProgressReporter, socket: SocketClient) -> None:
    await socket.subscribe("jobs")
    served.start_job("j")
    sizes = [0, 1, 60_000, 65_000, *range(65_250, 65_400, 10)]
    for size in sizes:
        served.update_progress("j", "importing", 1, "x" * size)
    served.flush()
    assert [len(event["message"]) for event in (await socket.collect(1 + len(sizes)))[1:]] == sizes


async def test_a_log_of_an_earlier_run_is_streamed_from_its_beginning(
    served: ProgressReporter, server: WebSocketServer, quiet_log: None
) -> None:
    report_some(served, 50)
    async with socket_client(server.url) as before:
        await before.subscribe("jobs", after=0)
        first = await before.until(type="caught_up")
    settings = served.tracker.settings
    await asyncio.to_thread(served.close)
    again = WebSocketServer(port=0)
    with ProgressReporter(again, settings=settings):
        async with socket_client(again.url) as after:
            assert after.welcome["head"] == 50
            assert after.welcome["epoch"] == before.welcome["epoch"]
            await after.subscribe("jobs", after=0, epoch=before.welcome["epoch"])
            assert await after.until(type="caught_up") == first
