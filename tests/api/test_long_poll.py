"""A page of the log, or the wait for one, on a real feed without a server."""

from __future__ import annotations

import asyncio

from api.long_poll import next_events
from tests.api.memory_log import JOBS, PHOTOS, Log


async def positions(log: Log, after: int, limit: int = 100, wait: float = 0) -> tuple[list[int], int]:
    events, complete = await next_events(log.feed, JOBS, after, limit, wait)
    return [event.position for event in events], complete


async def test_a_page_has_what_is_above_a_position_up_to_its_limit() -> None:
    log = Log(7)
    assert await positions(log, 0, 3) == ([1, 2, 3], 3)
    assert await positions(log, 3, 3) == ([4, 5, 6], 6)
    assert await positions(log, 6, 3) == ([7], 7)
    assert await positions(log, 7, 3) == ([], 7)


async def test_a_page_is_longer_than_those_of_the_log() -> None:
    assert await positions(Log(1200), 0, 1000) == (list(range(1, 1001)), 1000)


async def test_an_empty_page_waits_for_a_commit() -> None:
    log = Log(3)
    waiting = asyncio.create_task(positions(log, 3, 2, wait=10))
    await asyncio.sleep(0)
    log.commit_next(3)
    assert await waiting == ([4, 5], 5)


async def test_it_waits_on_while_commits_have_nothing_for_it() -> None:
    log = Log(3)
    waiting = asyncio.create_task(next_events(log.feed, PHOTOS, 3, 10, 10))
    await asyncio.sleep(0)
    log.commit_next(3)
    await asyncio.sleep(0)
    assert not waiting.done()
    log.commit_next(kind="photo_info")
    events, complete = await waiting
    assert ([event.position for event in events], complete) == ([7], 7)


async def test_after_the_wait_an_empty_page_is_complete_up_to_the_tail() -> None:
    log = Log(3)
    waiting = asyncio.create_task(next_events(log.feed, PHOTOS, 0, 10, 0.01))
    log.commit_next(2)
    assert await waiting == ([], 5)


async def test_a_position_that_the_feed_has_not_reached_yet_is_exclusive_too() -> None:
    log = Log(3)
    waiting = asyncio.create_task(positions(log, 5, wait=10))
    await asyncio.sleep(0)
    log.commit_next(4)
    assert await waiting == ([6, 7], 7)


async def test_nobody_waits_on_after_the_page() -> None:
    log = Log(3)
    assert await positions(log, 3, wait=0.001) == ([], 3)
    log.commit_next()
    assert await positions(log, 3, wait=10) == ([4], 4)
