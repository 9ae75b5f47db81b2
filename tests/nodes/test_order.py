"""R20: nodes that write at the same time, and tails that skip nothing."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Connection

from tests import figures
from tests.builders import progressed, started
from tests.tracker.doubles import WAIT, Follower, in_threads
from tracker.feed import Feed
from tracker.runtime import LiveFeed, Tracker
from tracker.store.bulk import Bulk
from tracker.store.shared_writer import SharedWriter

_WRITERS = 4  # of each node
_IS_LONG = "JOBREEL_TORTURE" in os.environ
_EVENTS, _AT_ONCE = (50_000, 25) if _IS_LONG else (150, 1)  # of each writer; before it waits for a receipt
_PATIENCE = 1200 if _IS_LONG else 10 * WAIT  # seconds
_LONGEST_SLEEP = 0.004
# What positions would be without the counter row: each transaction takes its own, and holds up nobody.
_SEQUENCE = """
CREATE SEQUENCE positions;
CREATE FUNCTION take(count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE last bigint;
BEGIN
    PERFORM pg_advisory_lock(1);
    last := setval('positions', (SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM positions) + count);
    PERFORM pg_advisory_unlock(1);
    RETURN last;
END $$
"""
_TAKE = "SELECT take(%s)"


class _Sleepy:
    """Rows that take their time, while the transaction that writes them is open."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        time.sleep(random.random() * _LONGEST_SLEEP)
        self._bulk.execute(connection, rows)


def _writer(node: Tracker) -> SharedWriter:
    writer = cast(SharedWriter, node.store.writer)
    writer._insert_events = _Sleepy(writer._insert_events)
    return writer


def _work(nodes: tuple[Tracker, Tracker]) -> None:
    def write(name: int) -> None:
        recorder = nodes[name % 2].recorder
        recorder.record(started(f"job-{name}"))
        for step in range(_EVENTS - 1):
            receipt = recorder.record(progressed(f"job-{name}", step % 100))
            if step % _AT_ONCE == 0:
                receipt.wait(WAIT)

    in_threads(*(partial(write, name) for name in range(2 * _WRITERS)), patience=_PATIENCE)
    for node in nodes:
        node.recorder.flush(_PATIENCE)


async def _followed(nodes: tuple[Tracker, Tracker], patience: float) -> list[Follower]:
    """What the tails of both nodes were told, while both wrote."""
    followers = [Follower(until=2 * _WRITERS * _EVENTS) for _ in nodes]
    async with LiveFeed(nodes[0]) as one, LiveFeed(nodes[1]) as other:
        for live, follower in zip((one, other), followers, strict=True):
            live.feed.follow(follower, 0)
        await asyncio.to_thread(_work, nodes)
        waiting = (asyncio.wait_for(follower.complete.wait(), patience) for follower in followers)
        await asyncio.gather(*waiting, return_exceptions=True)
    return followers


async def test_no_tail_skips_an_event_and_the_order_is_the_same_everywhere(nodes: tuple[Tracker, Tracker]) -> None:
    for node in nodes:
        _writer(node)
    followers = await _followed(nodes, _PATIENCE)
    everything = list(range(1, 2 * _WRITERS * _EVENTS + 1))
    assert [follower.positions for follower in followers] == [everything, everything]
    figures.show(
        "R20: two nodes, four writers each",
        f"{len(everything)} events, 0 skipped by either tail, same order",
        "0 skipped; the control skips 1 or more",
    )


async def test_without_the_counter_row_a_tail_skips_some(
    nodes: tuple[Tracker, Tracker], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    # The row stands at 0: a node that looks at it takes the log for one that went back, and begins anew.
    monkeypatch.setattr(Feed, "look", Feed.catch_up)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(_SEQUENCE)
    for node in nodes:
        _writer(node)._advance_head = _TAKE
    followers = await _followed(nodes, patience=2)
    with psycopg.connect(postgres_url) as connection:
        ((recorded,),) = connection.execute("SELECT count(*) FROM events").fetchall()
    assert recorded == 2 * _WRITERS * _EVENTS
    skipped = recorded - min(len(follower.positions) for follower in followers)
    figures.show("R20: control without the counter row", f"{skipped} of {recorded} skipped", "1 or more")
    assert skipped > 0
