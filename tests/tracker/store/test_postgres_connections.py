"""Connections that are lost, statements that are broken off: nothing is lost with them, nothing is there twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from tests.builders import NOON, appends, completed, progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT, until
from tracker.errors import StoreUnavailable
from tracker.filters import EVERYTHING
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import open_reader, open_store
from tracker.store.postgres_errors import translate
from tracker.store.shared_writer import SharedWriter

from .postgres_logs import rows, terminate

_IS_WAITING = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture
def node(postgres_url: str) -> Iterator[Tracker]:
    with Tracker(Settings(database_url=postgres_url)) as node:
        yield node


def test_a_connection_that_was_ended_is_made_anew(node: Tracker, postgres_url: str) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    terminate(postgres_url, cast(SharedWriter, node.store.writer).session)
    assert node.recorder.record(progressed("a")).wait(WAIT) == 2
    assert rows(postgres_url) == [(1, "a", 1), (2, "a", 2)]


def test_a_statement_that_somebody_cancels_is_tried_again(node: Tracker, postgres_url: str) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    with closing(psycopg.connect(postgres_url, autocommit=True)) as admin, psycopg.connect(postgres_url) as holder:
        holder.execute("SELECT * FROM log_head FOR UPDATE")
        waiting = node.recorder.record(progressed("a"))
        session = cast(SharedWriter, node.store.writer).session
        until(lambda: admin.execute(_IS_WAITING, (session,)).fetchone() == (True,))
        admin.execute("SELECT pg_cancel_backend(%s)", (session,))
        until(lambda: node.recorder.unavailable is not None)
    assert waiting.wait(WAIT) == 2
    assert rows(postgres_url) == [(1, "a", 1), (2, "a", 2)]


_READERS_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'jobreel' AND datname = current_database()
"""


@pytest.mark.parametrize("first", range(5))
async def test_a_reader_whose_connections_were_ended_answers_all_the_same(postgres_url: str, first: int) -> None:
    store = open_store(postgres_url)
    store.writer.append(appends(started("a")))
    store.close()
    reader = open_reader(postgres_url)
    ways: list[Callable[[], Awaitable[Any]]] = [
        reader.head,
        partial(reader.read, 0, 10, EVERYTHING),
        partial(reader.load_job, "a"),
        reader.active_jobs,
        partial(reader.position_at, NOON),
    ]
    ways = ways[first:] + ways[:first]  # whichever is the first to notice
    before = await asyncio.gather(*[way() for way in ways])
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(_READERS_SESSIONS).fetchall() == [(True,)] * 4
    assert await asyncio.gather(*[way() for way in ways]) == before
    await reader.close()


async def test_a_reader_of_a_server_that_is_away_says_so(cluster: Cluster, postgres_url: str) -> None:
    open_store(postgres_url).close()
    reader = open_reader(postgres_url)
    before = await reader.head()
    cluster.stop("immediate")
    try:
        with pytest.raises(StoreUnavailable, match="cannot be used just now"):
            await reader.head()
    finally:
        cluster.start()
    assert await reader.head() == before
    await reader.close()


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_connection_lost_in_the_middle_of_a_commit_costs_and_repeats_nothing(
    node: Tracker, postgres_url: str, is_committed: bool
) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    lost: list[bool] = []

    def lose(connection: Connection) -> None:
        if lost:
            return
        lost.append(True)
        driver: Any = connection.connection.driver_connection
        if is_committed:
            driver.commit()  # and the answer does not come
        driver.close()

    event.listen(cast(SharedWriter, node.store.writer)._engine, "commit", lose)
    assert node.recorder.record(progressed("a")).wait(WAIT) == 2
    assert node.recorder.record(completed("a")).wait(WAIT) == 3
    assert lost
    assert rows(postgres_url) == [(1, "a", 1), (2, "a", 2), (3, "a", 3)]


def test_a_server_that_was_stopped_at_once_has_lost_nothing_it_acknowledged(
    cluster: Cluster, node: Tracker, postgres_url: str
) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    acknowledged = [node.recorder.record(progressed("a", step)) for step in range(50)]
    acknowledged[10].wait(WAIT)
    cluster.stop("immediate")
    waiting = [node.recorder.record(progressed("a", step)) for step in range(50)]
    cluster.start()
    positions = [receipt.wait(WAIT) for receipt in acknowledged + waiting]
    assert positions == list(range(2, 102))
    assert [row[0] for row in rows(postgres_url)] == list(range(1, 102))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("the connection is lost", "the connection is lost"),
        (
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n"
            "\tbefore or while processing the request.\n",
            "server closed the connection unexpectedly",
        ),
        (
            "Multiple connection attempts failed. All failures were:\n- host: '::1': connection failed: Connection "
            "refused\n\tIs the server running?\n- host: '127.0.0.1': the database system is starting up\n",
            "host: '127.0.0.1': the database system is starting up",
        ),
    ],
)
def test_what_a_lost_connection_says_is_told_in_one_line(said: str, reason: str) -> None:
    lost = translate(DBAPIError("SELECT", (), psycopg.OperationalError(said)))
    assert isinstance(lost, StoreUnavailable)
    assert str(lost) == f"PostgreSQL cannot be used just now: {reason}."
