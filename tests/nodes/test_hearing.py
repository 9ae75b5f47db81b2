"""A node hears of what the others commit: at once by a notice, or within a second without one."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from tests.builders import completed, progressed, started
from tests.tracker.doubles import WAIT, Follower
from tracker.runtime import LiveFeed, Tracker
from tracker.store import doorbell

_LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN jobreel'"
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(%s)"
_NEVER = 3600.0


def _listeners(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [pid for (pid,) in connection.execute(_LISTENERS)]


async def _heard_by(url: str, count: int) -> list[int]:
    """The sessions that listen, once there are so many."""
    async with asyncio.timeout(WAIT):
        while len(found := await asyncio.to_thread(_listeners, url)) < count:
            await asyncio.sleep(0.01)
    return found


async def _deaf(*_: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture
def no_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices alone."""
    monkeypatch.setattr(doorbell, "_LOOK_SECONDS", _NEVER)


@pytest.mark.usefixtures("no_looking")
async def test_a_commit_of_another_node_is_delivered_by_its_notice(
    nodes: tuple[Tracker, Tracker], postgres_url: str
) -> None:
    here, there = nodes
    async with LiveFeed(here) as live:
        await _heard_by(postgres_url, 1)
        follower = Follower(until=2)
        live.feed.follow(follower, 0)
        there.recorder.record(started("a"), completed("a"))
        await asyncio.wait_for(follower.complete.wait(), WAIT)
    assert follower.positions == [1, 2]


async def test_commits_of_which_no_notice_came_are_found(
    nodes: tuple[Tracker, Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell.Doorbell, "_hear", _deaf)
    here, there = nodes
    async with LiveFeed(here) as live:
        follower = Follower(until=2)
        live.feed.follow(follower, 0)
        # One that the first look, at the beginning, cannot have found.
        there.recorder.record(started("a")).wait(WAIT)
        await asyncio.sleep(0.1)
        there.recorder.record(completed("a"))
        await asyncio.wait_for(follower.complete.wait(), WAIT)
    assert follower.positions == [1, 2]


async def test_with_neither_nothing_is_delivered(
    nodes: tuple[Tracker, Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the two above."""

    monkeypatch.setattr(doorbell.Doorbell, "_listen", _deaf)
    monkeypatch.setattr(doorbell, "_LOOK_SECONDS", _NEVER)
    here, there = nodes
    async with LiveFeed(here) as live:
        follower = Follower(until=1)
        live.feed.follow(follower, 0)
        there.recorder.record(started("a")).wait(WAIT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(follower.complete.wait(), 2)
    assert follower.positions == []


@pytest.mark.usefixtures("no_looking")
async def test_a_listener_that_was_ended_comes_back_and_has_missed_nothing(
    nodes: tuple[Tracker, Tracker], postgres_url: str
) -> None:
    here, there = nodes
    async with LiveFeed(here) as live:
        follower = Follower(until=2)
        live.feed.follow(follower, 0)
        listeners = await _heard_by(postgres_url, 1)
        with psycopg.connect(postgres_url) as connection:
            connection.execute(_TERMINATE, (listeners,))
        there.recorder.record(started("a")).wait(WAIT)
        there.recorder.record(completed("a")).wait(WAIT)
        await asyncio.wait_for(follower.complete.wait(), WAIT)
    assert follower.positions == [1, 2]


@pytest.mark.usefixtures("no_looking")
async def test_a_nodes_own_commits_are_not_read_again(nodes: tuple[Tracker, Tracker], postgres_url: str) -> None:
    here, _ = nodes
    async with LiveFeed(here) as live:
        await _heard_by(postgres_url, 1)
        await live.feed.head()
        reads: list[int] = []
        read = live.reader.read

        async def counted(after: int, *rest: object) -> object:
            reads.append(after)
            return await read(after, *rest)  # type: ignore[arg-type]

        live.reader.read = counted  # type: ignore[method-assign, assignment]
        follower = Follower(until=101)
        live.feed.follow(follower, 0)
        here.recorder.record(started("a")).wait(WAIT)
        for step in range(100):
            here.recorder.record(progressed("a", step)).wait(WAIT)
        await asyncio.wait_for(follower.complete.wait(), WAIT)
    assert reads == []
