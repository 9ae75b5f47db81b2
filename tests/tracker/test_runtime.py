from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from tests.builders import completed, progressed, started
from tests.tracker.doubles import WAIT, Follower, in_threads
from tracker.errors import RecorderClosed, StoreOwned
from tracker.events import RecordedEvent
from tracker.filters import EVERYTHING
from tracker.runtime import LiveFeed, Tracker
from tracker.settings import Settings


@pytest.fixture
def tracker(settings: Settings) -> Iterator[Tracker]:
    with Tracker(settings) as tracker:
        yield tracker


def test_closing_stops_what_was_started_the_last_first_while_it_still_records(settings: Settings) -> None:
    tracker, order = Tracker(settings), list[object]()
    tracker.before_close(lambda: order.append(tracker.recorder.record(started("first added")).wait(WAIT)))
    tracker.before_close(lambda: order.append("last added"))
    tracker.retention.start()
    tracker.close()
    tracker.close()
    assert order == ["last added", 1]
    with pytest.raises(RecorderClosed):
        tracker.recorder.record(started("a"))


def test_what_fails_while_closing_keeps_nothing_else_from_closing(settings: Settings) -> None:
    tracker = Tracker(settings)
    tracker.before_close(lambda: [][0])
    with pytest.raises(IndexError):
        tracker.close()
    Tracker(settings).close()


def test_two_threads_may_close_at_once(settings: Settings) -> None:
    tracker = Tracker(settings)
    tracker.recorder.record(started("a"))
    in_threads(*[tracker.close] * 4)
    with closing(Tracker(settings)) as again:
        assert again.store.writer.head().position == 1


def test_a_tracker_that_is_open_owns_its_log(tracker: Tracker, settings: Settings) -> None:
    with pytest.raises(StoreOwned):
        Tracker(settings)


def test_listeners_are_told_of_commits_until_they_are_removed(tracker: Tracker) -> None:
    first, second = list[int](), list[int]()

    def tell(told: list[int], rows: list[RecordedEvent]) -> None:
        told.extend(row.position for row in rows)

    leaving = partial(tell, second)
    tracker.on_commit(partial(tell, first))
    tracker.on_commit(leaving)
    tracker.recorder.record(started("a"))
    tracker.recorder.flush(WAIT)
    tracker.remove_listener(leaving)
    tracker.remove_listener(leaving)
    tracker.recorder.record(progressed("a"))
    tracker.recorder.flush(WAIT)
    assert (first, second) == ([1, 2], [1])


def test_a_disowned_tracker_refuses_and_closes_nothing(settings: Settings) -> None:
    tracker = Tracker(settings)
    tracker.disown()
    with pytest.raises(RecorderClosed, match="forked"):
        tracker.recorder.record(started("a"))
    tracker.close()
    with pytest.raises(StoreOwned):
        Tracker(settings)
    tracker.store.close()


async def test_a_live_feed_follows_every_commit_on_its_loop(tracker: Tracker) -> None:
    tracker.recorder.record(started("before")).wait(WAIT)
    async with LiveFeed(tracker) as live:
        assert live.feed.tail == 1
        follower = Follower(until=401)
        live.feed.follow(follower, 0)

        def work(name: str) -> None:
            for number in range(100):
                tracker.recorder.record(started(f"{name}-{number}"))

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        await asyncio.wait_for(follower.complete.wait(), WAIT)
        for thread in threads:
            thread.join(WAIT)
        page = await live.feed.page(0, 0, EVERYTHING)
        assert page.events[0].position == 1
        assert (await live.feed.head()).position == 401
    assert follower.positions == list(range(2, 402))


async def test_commits_while_a_live_feed_begins_are_not_missed(tracker: Tracker) -> None:
    count = 300

    def work() -> None:
        for number in range(count):
            tracker.recorder.record(started(str(number))).wait(WAIT)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(10):
        async with LiveFeed(tracker) as live:
            await live.feed.catch_up()
            tail = live.feed.tail
            follower = Follower(until=tail + 1)
            live.feed.follow(follower, tail)
            if tail < count:
                await asyncio.wait_for(follower.complete.wait(), WAIT)
                assert follower.positions[0] == tail + 1
    thread.join(WAIT)


async def test_a_live_feed_that_was_not_told_of_a_commit_reads_it_from_the_log(tracker: Tracker) -> None:
    async with LiveFeed(tracker) as live:
        follower = Follower(until=3)
        live.feed.follow(follower, 0)
        tracker.remove_listener(live._tell)
        tracker.recorder.record(started("a")).wait(WAIT)
        tracker.recorder.flush(WAIT)
        tracker.on_commit(live._tell)
        tracker.recorder.record(progressed("a"), completed("a")).wait(WAIT)
        await asyncio.wait_for(follower.complete.wait(), WAIT)
        assert live.feed.tail == 3
    assert follower.positions == [1, 2, 3]


async def test_a_live_feed_that_was_closed_is_told_nothing_more(tracker: Tracker) -> None:
    async with LiveFeed(tracker) as live:
        tracker.recorder.record(started("a")).wait(WAIT)
    told = list(live._told)
    tracker.recorder.record(started("b")).wait(WAIT)
    tracker.recorder.flush(WAIT)
    assert list(live._told) == told


def test_a_commit_after_the_loop_is_gone_harms_nobody(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    async def follow() -> LiveFeed:
        live = LiveFeed(tracker)
        await live.__aenter__()
        await live.reader.close()
        return live

    live = asyncio.run(follow())
    assert tracker.recorder.record(started("a")).wait(WAIT) == 1
    tracker.recorder.flush(WAIT)
    assert caplog.text == ""
    assert live.feed.tail == 0
