"""P4, P5, P6, P9 and P14: what it costs to deliver an event to those who follow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web
from websockets.asyncio.server import ServerConnection, broadcast, serve

from api.app import create_app
from api.clients import CLIENTS
from api.gate import GATE
from api.subscription import Subscription
from api.websocket import Connection
from tests.benchmarks import processes
from tests.benchmarks.figure import Figure
from tests.benchmarks.large_logs import large_log
from tracker.events import RecordedEvent
from tracker.feed import Feed
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.tokens import FULL_ACCESS

_CLIENTS = 100
_BATCH = 50
_BATCHES = 200
_HISTORY = 1_000_000
_PAYLOAD = '{"photo_id":1,"stage":"exif_analysis","progress":25.0,"message":"Analyzing…","details":{"camera":"R5"}}'


def _batch(first: int) -> list[RecordedEvent]:
    return [
        RecordedEvent(first + index, "job", first + index, "job_progress", 1_762_689_600_000_000, None, _PAYLOAD)
        for index in range(_BATCH)
    ]


@contextlib.asynccontextmanager
async def _listening(folder: Path) -> AsyncIterator[tuple[web.Application, int]]:
    with Tracker(Settings(database_url=f"sqlite:///{folder}/log.db")) as tracker:
        runner = web.AppRunner(create_app(tracker))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.app, runner.addresses[0][1]
        finally:
            await runner.cleanup()


async def _in_thread(port: int, measure: Callable[[], AsyncIterator[float]]) -> float:
    """Clients in another process, then the measurement on this loop: the median of the times it gives."""
    with contextlib.ExitStack() as stack:
        clients = processes.crowd(port, _CLIENTS, "jobs")
        await asyncio.to_thread(stack.enter_context, clients)
        times = [seconds async for seconds in measure()]
    return _BATCH * _CLIENTS / statistics.median(times)


def _feed(app: web.Application) -> Feed:
    feed = app[GATE].context(FULL_ACCESS).feed
    assert isinstance(feed, Feed)
    return feed


def _transports(app: web.Application) -> list[asyncio.Transport]:
    subscriptions = [
        client.subscription for client in app[CLIENTS] if isinstance(client, Connection) and client.subscription
    ]
    return [_transport(subscription) for subscription in subscriptions]


def _transport(subscription: Subscription) -> asyncio.Transport:
    transport = subscription._channel._transport  # type: ignore[attr-defined]  # measured, not used
    assert isinstance(transport, asyncio.Transport)
    return transport


async def _drained(transports: list[asyncio.Transport]) -> None:
    while any(transport.get_write_buffer_size() for transport in transports):  # it is not told
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.002)


def deliveries_a_second(folder: Path) -> float:
    """A commit of 50 events through the feed to 100 clients: from ``advance`` until all of it is written."""

    async def run() -> float:
        async with _listening(folder) as (app, port):

            async def measure() -> AsyncIterator[float]:
                transports, feed = _transports(app), _feed(app)
                for _ in range(_BATCHES):
                    batch = _batch(feed.tail + 1)
                    begun = time.perf_counter()
                    feed.advance(batch)
                    yield time.perf_counter() - begun
                    await _drained(transports)

            return await _in_thread(port, measure)

    return asyncio.run(run())


def raw_sends_a_second(folder: Path) -> float:
    """The same bytes to the same sockets by ``socket.send``."""

    async def run() -> float:
        async with _listening(folder) as (app, port):

            async def measure() -> AsyncIterator[float]:
                transports = _transports(app)
                sockets = [transport.get_extra_info("socket")._sock for transport in transports]
                data = b"\x81\x7e\x00\xfa" + b"x" * 250
                for _ in range(_BATCHES):
                    joined = data * _BATCH
                    begun = time.perf_counter()
                    for socket in sockets:
                        socket.send(joined)
                    yield time.perf_counter() - begun
                    await asyncio.sleep(0.004)

            return await _in_thread(port, measure)

    return asyncio.run(run())


def broadcasts_a_second(_: Path) -> float:
    """The same events by ``websockets.broadcast``, one by one."""

    async def run() -> float:
        connected: set[ServerConnection] = set()

        async def handler(connection: ServerConnection) -> None:
            await connection.recv()
            await connection.send(json.dumps({"type": "subscription_confirmed"}))
            connected.add(connection)
            await connection.wait_closed()

        async with serve(handler, "127.0.0.1", 0, compression=None) as server:

            async def measure() -> AsyncIterator[float]:
                for _ in range(_BATCHES // 4):
                    begun = time.perf_counter()
                    for _index in range(_BATCH):
                        broadcast(connected, "x" * 250)
                    yield time.perf_counter() - begun
                    await asyncio.sleep(0.02)

            return await _in_thread(next(iter(server.sockets)).getsockname()[1], measure)

    return asyncio.run(run())


def _latency(folder: Path, share: float) -> float:
    with processes.server(folder) as (server, port), processes.crowd(port, _CLIENTS, "jobs") as crowd:
        server.ask("emit 1000 8 50")
        latencies = sorted(crowd.ask()["latencies"])
    return float(latencies[int(len(latencies) * share)])


def median_latency(folder: Path) -> float:
    """Milliseconds from the call to the client, at 1,000 events/s and 100 clients: the median."""
    return _latency(folder, 0.5)


def slow_latency(folder: Path) -> float:
    """The same: the 99th percentile."""
    return _latency(folder, 0.99)


def _slow_of_many(folder: Path, silent: int) -> float:
    with processes.server(folder) as (server, port), processes.crowd(port, 900, "jobs") as crowd:
        never_read = [processes.silent_client(port) for _ in range(silent)]
        server.ask("emit 20 12 5 10000")
        latencies = sorted(crowd.ask()["latencies"])
        for client in never_read:
            client.close()
    return float(latencies[int(len(latencies) * 0.99)])


def beside_silent_clients(folder: Path) -> float:
    """99th percentile, in milliseconds, of 900 clients beside 100 that never read; 20 events/s of 10 kB."""
    return _slow_of_many(folder, 100)


def among_readers(folder: Path) -> float:
    """The same of the 900 without the 100."""
    return _slow_of_many(folder, 0)


def history_a_second(folder: Path) -> float:
    """One client catches up over the whole log."""
    shutil.copy(large_log(_HISTORY), folder / "log.db")
    with processes.server(folder) as (_, port), processes.crowd(port, 1, "jobs", 0) as crowd:
        return _HISTORY / float(json.loads(crowd.line())["seconds"])


def selected_a_second(_: Path) -> float:
    """``SELECT … fetchmany`` of the same rows."""
    connection = sqlite3.connect(large_log(_HISTORY))
    begun = time.perf_counter()
    cursor = connection.execute("SELECT * FROM events ORDER BY position")
    while cursor.fetchmany(500):
        pass
    elapsed = time.perf_counter() - begun
    connection.close()
    return _HISTORY / elapsed


def _processor_seconds(folder: Path, clients: int, channel: str) -> float:
    with processes.server(folder) as (server, port), processes.crowd(port, clients, channel):
        return float(server.ask(f"emit 1000 8 {10_000}"))


def many_filters(folder: Path) -> float:
    """Processor seconds for 8 s of 1,000 events/s, 10,000 clients each following a job of its own."""
    return _processor_seconds(folder, 10_000, "job:job_{}")


def one_filter(folder: Path) -> float:
    """The same events, one client following all."""
    return _processor_seconds(folder, 1, "jobs")


def idle_memory(folder: Path) -> float:
    """MiB of a server with 10,000 idle clients, on a log that was there before."""
    with processes.server(folder):
        pass  # the first start makes the log, and loads what that takes
    with processes.server(folder) as (server, port), processes.crowd(port, 10_000, "jobs"):
        return float(server.ask("memory")) / 2**20


FIGURES = [
    Figure(
        name="P4",
        what="deliveries/s of a commit of 50 events to 100 WebSocket clients",
        yardstick="socket.send of the same bytes to the same sockets",
        unit="deliveries/s",
        ours=deliveries_a_second,
        theirs=raw_sends_a_second,
        reach=0.7,
        is_short=True,
    ),
    Figure(
        name="P4b",
        what="the same against a peer",
        yardstick="websockets.broadcast, event by event",
        unit="deliveries/s",
        ours=deliveries_a_second,
        theirs=broadcasts_a_second,
        reach=10,
        is_short=True,
    ),
    Figure(
        name="P5",
        what="call to client at 1,000 events/s and 100 clients, median",
        yardstick="none: milliseconds",
        unit="ms",
        ours=median_latency,
        theirs=None,
        reach=5,
        bound="at most",
        rounds=3,
    ),
    Figure(
        name="P5b",
        what="the same, 99th percentile",
        yardstick="none: milliseconds",
        unit="ms",
        ours=slow_latency,
        theirs=None,
        reach=20,
        bound="at most",
        rounds=3,
    ),
    Figure(
        name="R15",
        what="99th percentile of 900 clients beside 100 that never read, 20 events/s of 10 kB",
        yardstick="the same 900 without them",
        unit="ms",
        ours=beside_silent_clients,
        theirs=among_readers,
        reach=1.1,
        bound="at most",
    ),
    Figure(
        name="P6",
        what=f"events/s of one WebSocket client catching up over {_HISTORY:,} events",
        yardstick="SELECT … fetchmany of the same rows",
        unit="events/s",
        ours=history_a_second,
        theirs=selected_a_second,
        reach=0.3,
    ),
    Figure(
        name="P9",
        what="memory of a server with 10,000 idle WebSocket clients",
        yardstick="none: MiB",
        unit="MiB",
        ours=idle_memory,
        theirs=None,
        reach=250,
        bound="at most",
        rounds=1,
    ),
    Figure(
        name="P14",
        what="processor time, 10,000 clients each on its own job, 1,000 events/s for 8 s",
        yardstick="the same events, one client following all",
        unit="s",
        ours=many_filters,
        theirs=one_filter,
        reach=2,
        bound="at most",
        rounds=1,
    ),
]
