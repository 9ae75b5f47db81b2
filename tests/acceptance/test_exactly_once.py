"""Clients on every transport, killed and resumed at random while the log grows: each event once, in order."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import figures
from tests.acceptance.followers import (
    TRANSPORTS,
    EventStreamFollower,
    Follower,
    WebSocketFollower,
)

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_EVENTS = 100_000 if _LONG else 50_000
_A_TRANSPORT = 8 if _LONG else 2  # clients
_LONGEST_LIFE = 600 if _LONG else 2_000  # events
_FEWEST_LIVES = 10_000 if _LONG else 200
_PATIENCE_SECONDS = 1500 if _LONG else 150


class GrowingServer:
    """A server process that reports its events when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}"

    def grow(self) -> None:
        """Begin to report."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def growing_server(folder: Path, events: int, loss: int = 0) -> Iterator[GrowingServer]:
    command = [sys.executable, "-m", "tests.acceptance.stream_server", f"{folder}/log.db", str(events), str(loss)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield GrowingServer(process)
        finally:
            process.kill()


async def _follow_all(followers: list[Follower], until: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await asyncio.gather(*[follower.follow(until) for follower in followers])


async def test_each_client_has_every_event_once_and_in_order_however_often_it_was_killed(tmp_path: Path) -> None:
    chance = random.Random(13)
    with growing_server(tmp_path, _EVENTS) as server:
        followers = [
            transport(server.url, random.Random(chance.random()), _LONGEST_LIFE)
            for transport in TRANSPORTS
            for _ in range(_A_TRANSPORT)
        ]
        server.grow()
        await _follow_all(followers, _EVENTS)
    log = list(range(1, _EVENTS + 1))
    assert [type(one).__name__ for one in followers if one.positions != log] == []
    lives = sum(follower.lives for follower in followers)
    figures.show(
        "R13: clients cut and resumed",
        f"{lives} lives of {len(followers)} clients on 4 transports, 0 missing, 0 duplicate of {_EVENTS} events",
        "0 missing, 0 duplicate in 10,000 lives",
    )
    assert lives >= _FEWEST_LIVES


@pytest.mark.parametrize("transport", [WebSocketFollower, EventStreamFollower])
async def test_a_client_that_checks_prev_gets_everything_from_a_feed_that_loses_events(
    tmp_path: Path, transport: type[Follower]
) -> None:
    events = 5_000
    with growing_server(tmp_path, events, loss=100) as server:
        follower = transport(server.url, random.Random(1), 10**9)
        server.grow()
        await _follow_all([follower], events)
    assert follower.positions == list(range(1, events + 1))
    assert follower.lives > 10, "the feed lost nothing: the test shows nothing"


@pytest.mark.parametrize("transport", [WebSocketFollower, EventStreamFollower])
async def test_control_a_client_that_does_not_check_prev_misses_events_of_a_feed_that_loses_them(
    tmp_path: Path, transport: type[Follower]
) -> None:
    events = 5_000
    with growing_server(tmp_path, events, loss=100) as server:
        follower = transport(server.url, random.Random(1), 10**9, checks_prev=False)
        server.grow()
        await _follow_all([follower], events)
    assert set(follower.positions) < set(range(1, events + 1))
