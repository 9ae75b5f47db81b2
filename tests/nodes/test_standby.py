"""The server of the log is lost for good, and its standby takes over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from tests import figures
from tests.builders import progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT, Follower
from tracker.events import Event
from tracker.receipt import Receipt
from tracker.runtime import LiveFeed, Tracker
from tracker.settings import Settings

_EVENTS = 400


@pytest.fixture
def primary() -> Iterator[Cluster]:
    with closing(Cluster(syncs=False)) as primary:
        yield primary


@pytest.fixture
def standby(primary: Cluster) -> Iterator[Cluster]:
    with closing(Cluster(syncs=False, primary=primary)) as standby:
        yield standby


def _wait_for_standby(primary: Cluster) -> None:
    """From here on a commit is acknowledged when both have it."""
    primary.execute(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = 'standby'"))
    primary.execute(sql.SQL("SELECT pg_reload_conf()"))
    deadline = time.monotonic() + WAIT
    with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
        while connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() != [("sync",)]:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.02)


def _events(count: int) -> list[Event]:
    return [started("job"), *(progressed("job", number % 100) for number in range(count - 1))]


async def test_what_was_acknowledged_is_on_the_standby_and_streams_go_on(primary: Cluster, standby: Cluster) -> None:
    name = primary.create_database()
    url = f"postgresql://tester:secret@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{name}"
    with Tracker(Settings(database_url=url)) as tracker:
        _wait_for_standby(primary)
        async with LiveFeed(tracker) as live:
            follower = Follower(until=_EVENTS)
            live.feed.follow(follower, 0)
            receipts: list[Receipt] = []
            for number, event in enumerate(_events(_EVENTS)):
                receipts.append(tracker.recorder.record(event))
                if number == _EVENTS // 2:
                    await asyncio.to_thread(receipts[-1].wait, WAIT)
                    await asyncio.to_thread(primary.stop, "immediate")
                    await asyncio.to_thread(standby.promote)
            promoted_at = time.monotonic()
            positions = [await asyncio.to_thread(receipt.wait, 3 * WAIT) for receipt in receipts]
            await asyncio.wait_for(follower.complete.wait(), 3 * WAIT)
            waited = time.monotonic() - promoted_at
    assert positions == follower.positions == list(range(1, _EVENTS + 1))
    with psycopg.connect(standby.url(name)) as connection:
        assert connection.execute("SELECT count(*), max(position) FROM events").fetchone() == (_EVENTS, _EVENTS)
    figures.show("R21: a standby promoted", f"{_EVENTS} acknowledged, 0 lost; resumed in {waited:.2f} s", "0 lost, 2 s")


async def test_control_a_standby_that_is_not_waited_for_may_miss_what_was_acknowledged(
    primary: Cluster, standby: Cluster
) -> None:
    """And the node says so: the log has another epoch, by which every client knows that it begins anew."""
    name = primary.create_database()
    url = f"postgresql://tester:secret@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{name}"
    with Tracker(Settings(database_url=url)) as tracker:
        begun_anew = asyncio.Event()
        async with LiveFeed(tracker) as live:
            known = live.feed.epoch
            live.on_new_log(begun_anew.set)
            tracker.recorder.record(started("job")).wait(WAIT)
            await asyncio.to_thread(_until_replayed, primary, standby)
            await asyncio.to_thread(standby.stop, "immediate")  # as one that the network has left behind
            tracker.recorder.record(progressed("job")).wait(WAIT)
            assert (await live.feed.head()).position == 2
            await asyncio.to_thread(primary.stop, "immediate")
            await asyncio.to_thread(standby.start)
            await asyncio.to_thread(standby.promote)
            await asyncio.wait_for(begun_anew.wait(), 3 * WAIT)
            assert (live.feed.tail, live.feed.epoch != known) == (1, True)
    with psycopg.connect(standby.url(name)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)


def _until_replayed(primary: Cluster, standby: Cluster) -> None:
    with psycopg.connect(primary.url("postgres")) as connection:
        ((last,),) = connection.execute("SELECT pg_current_wal_lsn()::text").fetchall()
    deadline = time.monotonic() + WAIT
    with psycopg.connect(standby.url("postgres"), autocommit=True) as connection:
        while connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (last,)).fetchone() != (True,):
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.02)
