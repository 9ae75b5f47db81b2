from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from tests.builders import completed, photo_info, progressed, started
from tests.tracker.readers import FollowedLog, MemoryReader
from tests.tracker.recordings import recorded
from tracker import feed as feed_module
from tracker.events import RecordedEvent
from tracker.feed import PAGE_EVENTS, Delivery, Feed, StreamedEvent
from tracker.filters import EVERYTHING, EventFilter

JOBS = EventFilter(frozenset({"jobs"}))
PHOTOS = EventFilter(frozenset({"photos"}))
JOB_A = EventFilter(frozenset({"job:a"}))
ENDS = EventFilter(frozenset({"jobs"}), frozenset({"job_completed"}))


class Follower:
    """Takes what it is offered, until there is no room."""

    def __init__(self, wanted: EventFilter, room: int = 10**9) -> None:
        self.filter = wanted
        self.deliveries: list[Delivery] = []
        self._room = room

    def offer(self, delivery: Delivery) -> bool:
        if len(self.deliveries) >= self._room:
            return False
        self.deliveries.append(delivery)
        return True

    @property
    def positions(self) -> list[int]:
        return [event.position for delivery in self.deliveries for event in delivery.events]


def log(*, ring_events: int = 100, ring_bytes: int = 10**6, known: int = 0) -> FollowedLog:
    rows = recorded(
        started("a"), started("b"), progressed("a"), photo_info("a"), progressed("b"), completed("a"), completed("b")
    )
    return FollowedLog(rows, known=known, ring_events=ring_events, ring_bytes=ring_bytes)


def prevs(events: Sequence[StreamedEvent]) -> list[int]:
    return [json.loads(event.text)["prev"] for event in events]


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        (EVERYTHING, [1, 2, 3, 4, 5, 6, 7]),
        (JOBS, [1, 2, 3, 5, 6, 7]),
        (PHOTOS, [1, 2, 4]),
        (JOB_A, [1, 3, 4, 6]),
        (ENDS, [6, 7]),
    ],
)
async def test_a_page_of_the_ring_is_that_of_the_log(wanted: EventFilter, positions: list[int]) -> None:
    for ring_events in (100, 0):
        followed = log(ring_events=ring_events)
        followed.commit(7)
        for after in range(7):
            page = await followed.feed.page(after, 0, wanted)
            assert [event.position for event in page.events] == [one for one in positions if one > after]
            assert (page.first, page.last) == (after + 1, 7)
        assert bool(followed.reader.pages) is (ring_events == 0)


async def test_prev_is_the_event_before_it_under_the_filter() -> None:
    followed = log()
    followed.commit(7)
    assert prevs((await followed.feed.page(0, 0, JOB_A)).events) == [0, 1, 3, 4]
    assert prevs((await followed.feed.page(3, 3, JOB_A)).events) == [3, 4]


async def test_a_follower_gets_each_commit_that_has_something_for_it() -> None:
    followed, follower = log(), Follower(JOB_A)
    followed.feed.follow(follower, 0)
    followed.commit(1)
    followed.commit(2)
    followed.commit(6)
    assert [(one.first, one.last) for one in follower.deliveries] == [(1, 1), (3, 6)]
    assert follower.positions == [1, 3, 4, 6]
    assert [prevs(one.events) for one in follower.deliveries] == [[0], [1, 3, 4]]


async def test_the_chain_goes_on_from_where_the_follower_was() -> None:
    followed, follower = log(), Follower(JOB_A)
    followed.commit(3)
    followed.feed.follow(follower, 3)
    followed.commit(4)
    assert prevs(follower.deliveries[0].events) == [3]


async def test_one_that_joins_and_knows_less_does_not_break_the_chain_of_those_that_were_there() -> None:
    followed, there, joins = log(), Follower(JOBS), Follower(JOBS)
    followed.feed.follow(there, 0)
    followed.commit(3)
    followed.feed.follow(joins, 0)
    followed.commit(5)
    assert [prevs(one.events) for one in there.deliveries] == [[0, 1, 2], [3]]
    assert joins.deliveries == there.deliveries[1:]


async def test_followers_with_equal_filters_share_one_delivery_and_its_encoding() -> None:
    followed = log()
    followers = [Follower(JOBS), Follower(EventFilter(frozenset({"jobs"})))]
    encoded: list[int] = []

    def encode(events: Sequence[StreamedEvent]) -> bytes:
        encoded.append(len(events))
        return b"".join(event.text.encode() for event in events)

    for follower in followers:
        followed.feed.follow(follower, 0)
    followed.commit(3)
    first, second = (follower.deliveries[0] for follower in followers)
    assert first is second
    assert first.encoded(encode) is second.encoded(encode)
    assert encoded == [3]


async def test_a_follower_without_room_follows_no_more() -> None:
    followed, slow, quick = log(), Follower(JOBS, room=1), Follower(JOBS)
    for follower in (slow, quick):
        followed.feed.follow(follower, 0)
    for head in (1, 2, 3):
        followed.commit(head)
    assert (slow.positions, quick.positions) == ([1], [1, 2, 3])


async def test_a_follower_that_left_gets_nothing_more() -> None:
    followed, gone, there = log(), Follower(JOBS), Follower(JOBS)
    for follower in (gone, there):
        followed.feed.follow(follower, 0)
    followed.feed.leave(gone)
    followed.feed.leave(gone)
    followed.feed.leave(Follower(PHOTOS))
    followed.commit(1)
    assert (gone.positions, there.positions) == ([], [1])


async def test_a_commit_looks_only_at_filters_that_it_has_something_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[EventFilter] = []

    followed = log()
    delivered = followed.feed._deliver

    def watch(wanted: EventFilter, first: int, events: list[RecordedEvent]) -> None:
        looked.append(wanted)
        delivered(wanted, first, events)

    monkeypatch.setattr(followed.feed, "_deliver", watch)
    for number in range(1000):
        followed.feed.follow(Follower(EventFilter(frozenset({f"job:{number}"}))), 0)
    followed.feed.follow(Follower(JOB_A), 0)
    followed.commit(1)
    assert looked == [JOB_A]


async def test_a_filter_of_several_channels_gets_an_event_once() -> None:
    followed = log()
    follower = Follower(EventFilter(frozenset({"jobs", "photos", "job:a"})))
    followed.feed.follow(follower, 0)
    followed.commit(7)
    assert follower.positions == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("ring_events", "ring_bytes"), [(3, 10**6), (100, 200), (100, 0)])
async def test_the_ring_is_bounded_and_what_fell_out_is_read_from_the_log(ring_events: int, ring_bytes: int) -> None:
    followed = log(ring_events=ring_events, ring_bytes=ring_bytes)
    followed.commit(7)
    assert [event.position for event in (await followed.feed.page(0, 0, EVERYTHING)).events] == list(range(1, 8))
    assert followed.reader.pages == [0]


async def test_the_newest_events_are_read_from_the_ring_and_not_from_the_log() -> None:
    followed = log(ring_events=3)
    followed.commit(7)
    assert [event.position for event in (await followed.feed.page(4, 0, EVERYTHING)).events] == [5, 6, 7]
    assert followed.reader.pages == []
    await followed.feed.page(3, 0, EVERYTHING)
    assert followed.reader.pages == [3]


async def test_a_commit_that_is_told_twice_is_taken_once() -> None:
    followed, follower = log(), Follower(EVERYTHING)
    followed.feed.follow(follower, 0)
    followed.commit(3)
    assert followed.feed.advance(followed.rows[:3])
    assert followed.feed.advance(followed.rows[1:5])
    assert follower.positions == [1, 2, 3, 4, 5]
    assert followed.feed.tail == 5


async def test_a_commit_that_leaves_a_gap_is_left_alone_and_read_from_the_log() -> None:
    followed, follower = log(), Follower(EVERYTHING)
    followed.feed.follow(follower, 0)
    followed.commit(2)
    followed.write(7)
    assert not followed.feed.advance(followed.rows[4:6])
    assert (followed.feed.tail, follower.positions) == (2, [1, 2])
    await followed.feed.catch_up()
    assert (followed.feed.tail, follower.positions) == (7, [1, 2, 3, 4, 5, 6, 7])
    assert prevs([event for one in follower.deliveries for event in one.events]) == [0, 1, 2, 3, 4, 5, 6]


async def test_a_gap_that_was_pruned_is_passed_over() -> None:
    followed, follower = log(), Follower(EVERYTHING)
    followed.feed.follow(follower, 0)
    followed.commit(2)
    followed.write(7)
    followed.prune(3, 4, 6)
    await followed.feed.catch_up()
    assert (followed.feed.tail, follower.positions) == (7, [1, 2, 5, 7])
    for after in range(7):
        page = await followed.feed.page(after, 0, EVERYTHING)
        assert [event.position for event in page.events] == [one for one in (1, 2, 5, 7) if one > after]


async def test_a_page_never_goes_beyond_what_the_feed_knows() -> None:
    followed = log(ring_events=0)
    followed.commit(3)
    followed.write(7)
    page = await followed.feed.page(0, 0, EVERYTHING)
    assert ([event.position for event in page.events], page.last) == ([1, 2, 3], 3)


async def test_a_commit_during_a_read_comes_with_its_own_delivery() -> None:
    followed, follower = log(ring_events=0), Follower(EVERYTHING)
    followed.commit(3)
    followed.reader.before_read = lambda: followed.commit(6)
    page = await followed.feed.page(0, 0, EVERYTHING)
    assert ([event.position for event in page.events], page.last) == ([1, 2, 3], 3)
    assert followed.feed.tail == 6
    rest = await followed.feed.page(page.last, 3, EVERYTHING)
    assert [event.position for event in rest.events] == [4, 5, 6]
    assert follower.positions == []


@pytest.mark.parametrize("ring_events", [0, 10_000])
@pytest.mark.parametrize("count", [PAGE_EVENTS - 1, PAGE_EVENTS, PAGE_EVENTS + 1])
async def test_pages_are_bounded_and_join_without_a_gap(
    count: int, ring_events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PAGE_BYTES", 10**9)
    rows = recorded(started("a"), *[progressed("a")] * (count - 1))
    followed = FollowedLog(rows, ring_events=ring_events)
    followed.commit(count)
    first = await followed.feed.page(0, 0, JOBS)
    assert len(first.events) == min(count, PAGE_EVENTS)
    second = await followed.feed.page(first.last, first.events[-1].position, JOBS)
    assert [event.position for event in [*first.events, *second.events]] == list(range(1, count + 1))
    assert second.last == count


async def test_large_commits_and_pages_come_in_pieces_that_join_without_a_gap() -> None:
    text = "x" * 20_000
    rows = recorded(started("a"), *[progressed("a", message=text)] * 20, progressed("a"))
    followed, follower = FollowedLog(rows), Follower(JOBS)
    followed.feed.follow(follower, 0)
    followed.commit(22)
    assert len(follower.deliveries) > 3
    assert all(sum(len(event.text) for event in one.events) < 100_000 for one in follower.deliveries)
    assert [one.first for one in follower.deliveries] == [1, *(one.last + 1 for one in follower.deliveries[:-1])]
    assert (follower.positions, follower.deliveries[-1].last) == (list(range(1, 23)), 22)
    after, paged = 0, list[int]()
    while after < 22:
        page = await followed.feed.page(after, after, JOBS)
        paged += [event.position for event in page.events]
        after = page.last
    assert paged == list(range(1, 23))


async def test_the_head_is_the_logs_and_the_feed_has_reached_it() -> None:
    followed = log(known=0)
    followed.write(5)
    assert (await followed.feed.head()).position == 5
    assert (followed.feed.tail, followed.feed.epoch) == (5, "epoch")


async def test_all_who_ask_for_the_head_at_once_share_a_reading_that_began_after_they_asked() -> None:
    followed = log(known=1)
    gate = followed.reader.gate = asyncio.Event()
    first = asyncio.create_task(followed.feed.head())
    await asyncio.sleep(0.01)
    followed.write(3)  # too late for the reading that is on its way
    others = [asyncio.create_task(followed.feed.head()) for _ in range(100)]
    await asyncio.sleep(0.01)
    others[0].cancel()  # takes nobody's answer away
    gate.set()
    assert (await first).position == 1
    assert {head.position for head in await asyncio.gather(*others[1:])} == {3}
    assert followed.reader.heads == 2


async def test_a_feed_begins_at_the_head_of_the_log() -> None:
    followed = log(known=4)
    assert followed.feed.tail == 4
    followed.commit(5)
    assert [event.position for event in (await followed.feed.page(0, 0, EVERYTHING)).events] == [1, 2, 3, 4, 5]


def test_a_feed_is_made_of_a_reader_and_a_head() -> None:
    reader = MemoryReader()
    assert Feed(reader, reader.now(), ring_events=1, ring_bytes=1).tail == 0
