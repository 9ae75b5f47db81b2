"""The log goes back in time under its nodes: a standby took over that had not everything that was acknowledged.

One database is copied, and the copy put in its place later: what a promotion is to a node, within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from aiohttp import ClientError, ClientSession
from psycopg import sql

from api.websocket_server import WebSocketServer
from tests import figures
from tests.builders import progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT
from tracker.client import subscribe
from tracker.feed import Feed
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store.shared_writer import SharedWriter

_COPIED, _SEEN, _HEAD = 20, 50, 80  # positions: of the standby, of the clients, of the log that goes on
Message = dict[str, Any]
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"


class Databases:
    """A log, and the copy of it that takes its place."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._copy = ""

    def copy(self) -> None:
        """As the standby has it that falls behind from here on."""
        self._end_sessions()
        self._copy = self._cluster.create_database(template=self._name)

    def write_on(self) -> None:
        """Somebody reports to the standby before the nodes of the lost log find it: past where these have been."""
        with Tracker(Settings(database_url=self._cluster.url(self._copy))) as quicker:
            _report(quicker, "after", _HEAD - _COPIED)

    def go_back(self) -> None:
        """The copy takes over."""
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        lost, log, copy = map(sql.Identifier, (f"{self._name}_lost", self._name, self._copy))
        # Nodes come back at once: a database with somebody in it is not renamed.
        for statement in (rename.format(log, lost), rename.format(copy, log)):
            for _ in range(100):
                self._end_sessions()
                with contextlib.suppress(psycopg.errors.ObjectInUse):
                    self._cluster.execute(statement)
                    break
        self._cluster.drop_database(f"{self._name}_lost")

    def events(self) -> list[tuple[int, str, int]]:
        """What is in the log."""
        with psycopg.connect(self._cluster.url(self._name)) as connection:
            query = "SELECT position, job_id, sequence FROM events ORDER BY position"
            return [(position, job_id, sequence) for position, job_id, sequence in connection.execute(query)]

    def _end_sessions(self) -> None:
        with psycopg.connect(self._cluster.url("postgres")) as connection:
            connection.execute(_END_SESSIONS, ([self._name, self._copy],))


@pytest.fixture
def databases(cluster: Cluster, postgres_url: str) -> Databases:
    return Databases(cluster, postgres_url.rpartition("/")[2])


@pytest.fixture
def node(postgres_url: str) -> Iterator[Tracker]:
    with Tracker(Settings(database_url=postgres_url)) as node:
        yield node


@pytest.fixture
def other(postgres_url: str) -> Iterator[Tracker]:
    """Another node: it serves nobody, and knows nothing of what was lost."""
    with Tracker(Settings(database_url=postgres_url)) as other:
        yield other


@pytest.fixture
def server(node: Tracker) -> WebSocketServer:
    server = WebSocketServer(port=0)
    server.attach(node)
    return server


def _report(node: Tracker, job_id: str, count: int) -> None:
    node.recorder.record(started(job_id))
    for number in range(count - 1):
        node.recorder.record(progressed(job_id, number))
    node.recorder.flush(3 * WAIT)


class Client:
    """Follows through whatever happens. ``shown``: what it has of the log, as it was last told to begin anew."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, str, int]] = []
        self.resets = 0

    def take(self, message: Message) -> None:
        if message["type"] == "reset":
            self.resets += 1
            self.shown.clear()
        elif "sequence" in message:
            self.shown.append((message["position"], message["job_id"], message["sequence"]))

    async def reached(self, position: int) -> None:
        async with asyncio.timeout(3 * WAIT):
            while not self.shown or self.shown[-1][0] < position:
                await asyncio.sleep(0.01)


async def _websocket(url: str, client: Client) -> None:
    async for event in subscribe(url, after=0, on_notice=client.take):
        client.take(event)


async def _event_stream(url: str, client: Client) -> None:
    last = "0"
    async with ClientSession() as session:
        while True:
            with contextlib.suppress(ClientError):
                headers = {"Last-Event-ID": last}
                async with session.get(f"{url}/events/stream", headers=headers) as response:
                    async for line in response.content:
                        if line.startswith(b"id: "):
                            last = line[4:].strip().decode()
                        elif line.startswith(b"data: "):
                            client.take(json.loads(line[6:]))
            await asyncio.sleep(0.05)


async def _long_poll(url: str, client: Client) -> None:
    place: dict[str, Any] = {"after": 0}
    async with ClientSession() as session:
        while True:
            async with session.get(f"{url}/events", params={**place, "wait": 2, "limit": 1000}) as response:
                page = await response.json()
            if response.status != 200:
                assert response.status == 503, page
                await asyncio.sleep(0.05)
                continue
            for message in [*([page["reset"]] if "reset" in page else []), *page["events"]]:
                client.take(message)
            place = {"after": page["checkpoint"], "epoch": page["epoch"]}


_CLIENTS = {"websocket": _websocket, "sse": _event_stream, "long poll": _long_poll}


@asynccontextmanager
async def _following(url: str) -> AsyncIterator[dict[str, Client]]:
    clients = {name: Client() for name in _CLIENTS}
    tasks = [asyncio.create_task(follow(url, clients[name])) for name, follow in _CLIENTS.items()]
    try:
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in ended} == {asyncio.CancelledError}, ended


async def _all_reached(clients: dict[str, Client], position: int) -> None:
    await asyncio.gather(*(client.reached(position) for client in clients.values()))


async def _lose(
    databases: Databases, node: Tracker, clients: dict[str, Client], *, is_written_on: bool = False
) -> None:
    """Clients see what the copy has not; then it takes over."""
    await asyncio.to_thread(_report, node, "before", _COPIED)
    await _all_reached(clients, _COPIED)
    await asyncio.to_thread(databases.copy)
    await asyncio.to_thread(_report, node, "lost", _SEEN - _COPIED)
    await _all_reached(clients, _SEEN)
    if is_written_on:
        await asyncio.to_thread(databases.write_on)
    await asyncio.to_thread(databases.go_back)


async def _all_show(clients: dict[str, Client], events: list[tuple[int, str, int]]) -> None:
    async with asyncio.timeout(3 * WAIT):
        while any(client.shown != events for client in clients.values()):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("writes", ["the same node", "another node", "nobody", "somebody quicker"])
async def test_every_client_is_told_and_shows_what_the_log_has(
    writes: str, node: Tracker, other: Tracker, server: WebSocketServer, databases: Databases
) -> None:
    async with _following(server.url) as clients:
        await _lose(databases, node, clients, is_written_on=writes == "somebody quicker")
        if writes.endswith("node"):
            # Past where the clients have been: no position says any more that something is wrong.
            writer = node if writes == "the same node" else other
            await asyncio.to_thread(_report, writer, "after", _HEAD - _COPIED)
        events = databases.events()
        assert events[-1][0] == (_COPIED if writes == "nobody" else _HEAD)
        await _all_show(clients, events)
    assert {name: client.resets for name, client in clients.items()} == dict.fromkeys(_CLIENTS, 1)
    figures.show(
        f"R21: the log went back, {writes} writes on", "every client told reset, and right", "0 silently wrong"
    )


async def test_all_nodes_take_up_the_one_new_epoch(
    node: Tracker, server: WebSocketServer, databases: Databases
) -> None:
    second = WebSocketServer(port=0)
    with Tracker(node.settings) as also:
        second.attach(also)
        async with _following(server.url) as clients, _following(second.url) as others:
            everybody = {**clients, **{f"{name} there": client for name, client in others.items()}}
            await _lose(databases, node, everybody)
            await asyncio.to_thread(_report, also, "after", _HEAD - _COPIED)
            await _all_show(everybody, databases.events())
        heads = {one.recorder.ask(lambda log: log.head()).epoch for one in (node, also)}
    assert len(heads) == 1
    assert {client.resets for client in everybody.values()} == {1}


async def test_a_lost_connection_alone_resets_nobody(
    node: Tracker, server: WebSocketServer, databases: Databases
) -> None:
    async with _following(server.url) as clients:
        await asyncio.to_thread(_report, node, "before", _COPIED)
        await _all_reached(clients, _COPIED)
        databases._end_sessions()
        await asyncio.to_thread(_report, node, "after", _COPIED)
        await _all_show(clients, databases.events())
    assert {client.resets for client in clients.values()} == {0}


async def _believe(*_: object) -> None:
    """Whatever the log has is taken to be what it had."""


async def test_control_who_does_not_compare_leaves_clients_with_what_never_was(
    node: Tracker, server: WebSocketServer, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed, "_demand_known", _believe)
    async with _following(server.url) as clients:
        await _lose(databases, node, clients, is_written_on=True)
        await _all_reached(clients, _HEAD)
    events = databases.events()
    for client in clients.values():
        assert client.resets == 0
        assert [position for position, *_ in client.shown] == [position for position, *_ in events]
        assert client.shown != events
    figures.show("R21: control, the log is believed", f"{_SEEN - _COPIED} events silently wrong", "1 or more")


def test_what_is_remembered_of_jobs_is_forgotten_with_the_connection(node: Tracker) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    writer = node.store.writer
    assert isinstance(writer, SharedWriter)
    assert (writer.connections, writer._cache.get("a") is not None) == (1, True)
    node.recorder.ask(lambda _: writer._disconnect())
    node.recorder.ask(lambda log: log.head())
    assert (writer.connections, writer._cache.get("a")) == (2, None)
