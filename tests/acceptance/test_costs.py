"""What an event costs, counted instead of timed: statements, trips between threads, encodings, writes to sockets.

The numbers are what the code needs today. Who needs fewer lowers them; who needs more says why in this file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite.core
import pytest

import api.channel
import tracker.events
import tracker.feed
from api import wire
from api.websocket_server import WebSocketServer
from tests.api.clients import SocketClient, socket_client
from tests.builders import NOON, appends, completed, progressed, stage_completed, started
from tracker.events import Event, ProgressUpdated
from tracker.filters import EVERYTHING
from tracker.progress_reporter import ProgressReporter
from tracker.store import open_reader, open_store
from tracker.store.base import Append
from tracker.store.sqlite import SqliteStore

_CLIENTS = 20
_JOBS = 100
_PAGE_AND_FRAME = 4096 + 24  # bytes in SQLite's write-ahead log


class Counter:
    """Calls of a function, and what they were given."""

    def __init__(self) -> None:
        self.calls = 0
        self.items = 0

    def __str__(self) -> str:
        return f"{self.calls} calls for {self.items}"


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, sized: int | None = None) -> Counter:
    """Count the calls of ``owner.name`` from here on; ``sized``: the argument whose items are counted too."""
    counter, original = Counter(), getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        counter.calls += 1
        if sized is not None:
            counter.items += len(args[sized])
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return counter


# Statements.


@pytest.fixture
def store(database_url: str) -> Iterator[SqliteStore]:
    store = open_store(database_url)
    assert isinstance(store, SqliteStore)
    yield store
    store.close()


@contextmanager
def statements(store: SqliteStore) -> Iterator[list[str]]:
    """The statements that the writer runs in the block, by their first words."""
    with store.writer.transaction() as connection:
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    said: list[str] = []

    def note(text: str) -> None:
        words = " ".join(text.split()[:3])
        # Not what SQLite runs for its own index of text; and a statement that returns rows is told of twice.
        is_its_own = text.startswith("--") or "'job_texts_" in text
        is_again = words == "UPDATE log_head SET" and said[-1:] == [words]
        if not is_its_own and not is_again:
            said.append(words)

    driver.set_trace_callback(note)
    yield said
    driver.set_trace_callback(None)


_LONE = ["BEGIN IMMEDIATE", "UPDATE log_head SET", "INSERT INTO events", "INSERT INTO jobs", "INSERT INTO statistics"]


def test_a_lone_progress_event_is_six_statements_and_reads_nothing(store: SqliteStore) -> None:
    store.writer.append(appends(started()))
    store.writer.append(appends(progressed()))
    with statements(store) as said:
        store.writer.append(appends(progressed()))
    print("a lone progress event:", ", ".join(said))
    assert said == [*_LONE, "COMMIT"]


def test_a_lone_progress_event_writes_seven_pages(store: SqliteStore, database_url: str) -> None:
    """Of the events and their index, the head, the statistics, the job and the one index that progress moves it in."""
    log = Path(database_url.removeprefix("sqlite:///"))
    store.writer.append(appends(*[started(f"job_{job}") for job in range(_JOBS)]))
    store.writer.append(appends(progressed("job_0")))
    begun = log.with_name("log.db-wal").stat().st_size
    for _ in range(_JOBS):
        store.writer.append(appends(progressed("job_0")))
    pages = (log.with_name("log.db-wal").stat().st_size - begun) / _PAGE_AND_FRAME
    print(f"{_JOBS} lone progress events: {pages:.0f} pages")
    assert _JOBS < pages <= 7 * _JOBS


@pytest.mark.parametrize(("count", "most"), [(64, 6), (1000, 13), (2048, 8), (5000, 13)])
def test_a_batch_is_few_statements(store: SqliteStore, count: int, most: int) -> None:
    store.writer.append(appends(*[started(f"job_{job}") for job in range(_JOBS)]))
    batch = appends(*[progressed(f"job_{index % _JOBS}") for index in range(count)], at=NOON)
    store.writer.append(batch)
    with statements(store) as said:
        store.writer.append([Append(one.events, NOON) for one in batch])
    print(f"{count} progress events of {min(count, _JOBS)} jobs in one commit: {len(said)} statements")
    assert len(said) <= most, said
    assert not [text for text in said if text.startswith("SELECT")]


def test_control_one_by_one_they_are_many(store: SqliteStore) -> None:
    store.writer.append(appends(started()))
    with statements(store) as said:
        for _ in range(64):
            store.writer.append(appends(progressed()))
    assert len(said) >= 64 * len(_LONE)


def test_a_whole_job_is_few_statements(store: SqliteStore) -> None:
    """Of ten events, in one commit each: what is looked up is looked up once, when the job begins."""
    events = [started("job"), *[progressed("job", stage="importing")] * 7, stage_completed("job"), completed("job")]
    with statements(store) as said:
        for event in events:
            store.writer.append(appends(event))
    print(f"a job of {len(events)} events in as many commits: {len(said)} statements")
    # Whether the job is there, whether it was pruned; where the log ends.
    assert len([text for text in said if text.startswith("SELECT")]) <= 3, said
    assert len(said) <= len(events) * (len(_LONE) + 1) + 8, said


# Trips between threads.


async def test_a_page_of_the_log_is_one_trip(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(database_url).close()
    reader = open_reader(database_url)
    await reader.head()
    trips = counting(monkeypatch, aiosqlite.core.Connection, "_execute")
    await reader.read(0, 1000, EVERYTHING)
    await reader.head()
    assert trips.calls == 2
    await reader.list_jobs(None, None, 10)  # control: through SQLAlchemy there are more
    assert trips.calls > 3
    await reader.close()


# Encodings.


def test_a_call_is_encoded_once_and_a_job_once_a_commit(
    reporter: ProgressReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter.start_job("job").wait()
    encoded = counting(monkeypatch, tracker.events, "_encode")
    jobs = counting(monkeypatch, tracker.store.rows, "_encode")
    facts = counting(monkeypatch, tracker.events, "decode_fact")
    fact = ProgressUpdated(stage="importing", progress=5.0)
    held = [Event.of("job", fact) for _ in range(500)]
    assert encoded.calls == 500
    reporter.tracker.recorder.record(*held).wait()
    assert (encoded.calls, facts.calls) == (500, 0)  # on the way into the log nothing is encoded again
    assert jobs.calls == 1  # the job, for its row


# On the way out.


@asynccontextmanager
async def followers(url: str) -> AsyncIterator[list[SocketClient]]:
    """Clients that follow everything."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(socket_client(url)) for _ in range(_CLIENTS)]
        for client in clients:
            await client.subscribe("jobs")
        yield clients


async def test_a_commit_is_one_rendering_for_all_and_one_write_a_client(
    served: ProgressReporter, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.start_job("job").wait()
    async with followers(server.url) as clients:
        rendered = counting(monkeypatch, tracker.feed, "message_texts", 0)
        framed = counting(monkeypatch, wire, "websocket_frames", 0)
        writes = counting(monkeypatch, api.channel.StreamChannel, "write")
        calls = counting(monkeypatch, asyncio.base_events.BaseEventLoop, "call_soon_threadsafe")
        for _ in range(10):
            served.tracker.recorder.record(*[progressed() for _ in range(50)]).wait()
            for client in clients:
                await client.collect(50)
        print(
            f"10 commits of 50 events, {_CLIENTS} clients: rendered {rendered}; framed {framed}; {writes.calls} writes"
        )
    assert (rendered.calls, rendered.items) == (10, 500)
    assert framed.items <= 500
    assert writes.calls == 10 * _CLIENTS
    assert calls.calls <= 10  # from the recorder's thread to the loop


async def test_what_a_filter_does_not_pass_costs_its_clients_nothing(
    served: ProgressReporter, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.start_job("job").wait()
    served.start_job("other").wait()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(socket_client(server.url)) for _ in range(_CLIENTS)]
        for client in clients:
            await client.subscribe("job:other")
        rendered = counting(monkeypatch, tracker.feed, "message_texts")
        writes = counting(monkeypatch, api.channel.StreamChannel, "write")
        for _ in range(10):
            served.update_progress("job", "importing", 5).wait()
        assert (rendered.calls, writes.calls) == (0, 0)
        served.update_progress("other", "importing", 5).wait()  # control: what passes is written to all of them
        for client in clients:
            await client.receive()
        assert (rendered.calls, writes.calls) == (1, _CLIENTS)
