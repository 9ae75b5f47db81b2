"""One client's place in the log, on a real feed, without a socket or a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from api.subscription import Subscription
from tests.api.memory_log import JOBS, PHOTOS, Log, event
from tracker.feed import StreamedEvent
from tracker.filters import EventFilter


class Wire:
    """A channel that keeps what was written, and reads only when it is told to."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.has_room = True
        self.room = asyncio.Event()
        self.room.set()
        self.is_gone = False

    @staticmethod
    def encode(events: Sequence[StreamedEvent], /) -> bytes:
        return b"[" + ",".join([one.text for one in events]).encode() + b"]"

    def write(self, data: bytes) -> None:
        self.messages.extend(json.loads(data))

    async def drain(self) -> None:
        await self.room.wait()
        if self.is_gone:
            raise ConnectionError("gone")

    def fill(self) -> None:
        self.has_room = False
        self.room.clear()

    def empty(self) -> None:
        self.has_room = True
        self.room.set()

    @property
    def positions(self) -> list[int]:
        return [message["position"] for message in self.messages]


async def follow(log: Log, wire: Wire, wanted: EventFilter, after: int) -> tuple[Subscription, int]:
    """A subscription that has caught up, and the position it said so at."""
    caught_up: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    subscription = Subscription(log.feed, wire, wanted, after)
    subscription.start(caught_up.set_result)
    return subscription, await asyncio.wait_for(caught_up, 5)


def chain_is_whole(messages: list[dict[str, Any]], after: int = 0) -> bool:
    """The client's rule of the protocol: no event's ``prev`` is beyond the last one handled."""
    cursor = after
    for message in messages:
        if message["prev"] > cursor or message["position"] <= cursor:
            return False
        cursor = message["position"]
    return True


async def test_at_the_tail_commits_are_written_at_once() -> None:
    log, wire = Log(3), Wire()
    _, position = await follow(log, wire, JOBS, 3)
    assert (position, wire.messages) == (3, [])
    log.commit_next(2)
    assert wire.positions == [4, 5]
    assert log.pages == 0


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1000, 1250])
async def test_behind_the_tail_every_page_comes_in_order_then_caught_up_then_live(count: int) -> None:
    log, wire = Log(count), Wire()
    _, position = await follow(log, wire, JOBS, 0)
    assert position == count
    log.commit_next()
    assert wire.positions == list(range(1, count + 2))
    assert chain_is_whole(wire.messages)


async def test_a_cursor_is_exclusive() -> None:
    log, wire = Log(10), Wire()
    await follow(log, wire, JOBS, 7)
    assert wire.positions == [8, 9, 10]


async def test_commits_during_the_catching_up_come_once_and_in_order() -> None:
    log, wire = Log(1200), Wire()
    log.commit_while_reading = [[event(1201)], [event(1202), event(1203)], [event(1204)]]
    await follow(log, wire, JOBS, 0)
    log.commit_next()
    assert wire.positions == list(range(1, 1206))
    assert chain_is_whole(wire.messages)


async def test_the_ring_serves_a_reader_that_is_little_behind() -> None:
    log, wire = Log(0, ring_events=100), Wire()
    log.commit_next(50)
    await follow(log, wire, JOBS, 20)
    assert wire.positions == list(range(21, 51))
    assert log.pages == 0


async def test_an_event_of_several_channels_comes_once() -> None:
    log, wire = Log(), Wire()
    everything = EventFilter(channels=frozenset({"jobs", "photos", "job:j", "system"}))
    await follow(log, wire, everything, 0)
    log.commit_next(kind="job_started")
    log.commit_next(kind="photo_info")
    assert wire.positions == [1, 2]


async def test_only_what_passes_the_filter_comes_and_prev_skips_the_rest() -> None:
    log, wire = Log(), Wire()
    subscription, _ = await follow(log, wire, PHOTOS, 0)
    for kind in ("job_started", "job_progress", "photo_info", "job_progress"):
        log.commit_next(kind=kind)
    assert [(message["position"], message["prev"]) for message in wire.messages] == [(1, 0), (3, 1)]
    assert subscription.place == 4, "what does not pass the filter is behind this client too"


async def test_the_chain_goes_on_from_the_pages_into_the_commits() -> None:
    log, wire = Log(700), Wire()
    await follow(log, wire, JOBS, 0)
    log.commit_next(2)
    assert [message["prev"] for message in wire.messages] == list(range(702))


async def test_a_full_buffer_loses_nothing_and_repeats_nothing() -> None:
    log, wire = Log(), Wire()
    subscription, _ = await follow(log, wire, JOBS, 0)
    log.commit_next(2)
    wire.fill()
    log.commit_next(3)
    log.commit_next(4)
    assert wire.positions == [1, 2]
    assert subscription.place == 2
    wire.empty()
    async with asyncio.timeout(5):
        while subscription.place < log.feed.tail:
            await asyncio.sleep(0)
    log.commit_next()
    assert wire.positions == list(range(1, 11))
    assert chain_is_whole(wire.messages)


async def test_a_slow_client_delays_nobody() -> None:
    log, slow, fast = Log(), Wire(), Wire()
    await follow(log, slow, JOBS, 0)
    await follow(log, fast, JOBS, 0)
    slow.fill()
    log.commit_next(5)
    assert fast.positions == [1, 2, 3, 4, 5]
    assert slow.positions == []


async def test_a_client_that_is_gone_is_written_nothing_more() -> None:
    log, wire = Log(), Wire()
    subscription, _ = await follow(log, wire, JOBS, 0)
    wire.fill()
    log.commit_next()
    wire.is_gone = True
    wire.empty()
    await asyncio.wait_for(asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}), 5)
    log.commit_next()
    assert wire.messages == []
    subscription.close()


async def test_after_closing_nothing_comes() -> None:
    log, wire = Log(), Wire()
    subscription, _ = await follow(log, wire, JOBS, 0)
    log.commit_next()
    subscription.close()
    log.commit_next()
    assert wire.positions == [1]


async def test_closing_in_the_middle_of_catching_up_ends_it() -> None:
    log, wire = Log(2000), Wire()
    told: list[int] = []
    subscription = Subscription(log.feed, wire, JOBS, 0)
    subscription.start(told.append)
    await asyncio.sleep(0)
    subscription.close()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
    log.commit_next()
    assert told == []
    assert 2001 not in wire.positions


async def test_a_place_that_the_feed_has_not_reached_yet_is_exclusive_too() -> None:
    log, wire = Log(3), Wire()
    # Durable, and known to the client, before the feed is told of it.
    await follow(log, wire, JOBS, 4)
    log.commit_next()
    log.commit_next()
    assert wire.positions == [5]


async def test_a_commit_around_such_a_place_is_cut_there() -> None:
    log, wire = Log(3), Wire()
    subscription, _ = await follow(log, wire, JOBS, 5)
    log.commit_next(4)
    assert wire.positions == [6, 7]
    assert subscription.place == 7
    assert chain_is_whole(wire.messages, after=5)


async def test_equal_filters_share_their_bytes() -> None:
    log, one, other = Log(), Wire(), Wire()
    await follow(log, one, JOBS, 0)
    await follow(log, other, JOBS, 0)
    log.commit_next(3)
    assert one.messages == other.messages
