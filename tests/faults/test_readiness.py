"""``/readyz``: what makes a server unable to work makes it 503, with the reason, until it is over."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api import readiness
from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS, HttpClient, http_client
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store.sqlite import SqliteStore


@pytest.fixture
async def http(served: ProgressReporter, server: WebSocketServer) -> AsyncIterator[HttpClient]:
    async with http_client(server.url) as client:
        yield client


async def _ready(http: HttpClient) -> tuple[int, str]:
    answer = await http.get("/readyz")
    return answer.status, answer.body.get("error", "")


async def _until_ready(http: HttpClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await _ready(http))[0] != 200:
            await asyncio.sleep(0.05)


async def test_a_server_at_work_is_ready(http: HttpClient) -> None:
    assert (await _ready(http), (await http.get("/healthz")).status) == ((200, ""), 200)


async def test_it_is_not_while_the_log_cannot_be_written(
    http: HttpClient, served: ProgressReporter, database_url: str
) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    aside = path.with_name("aside.db")
    path.rename(aside)
    waiting = served.start_job("a")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await _ready(http))[0] == 200:
            await asyncio.sleep(0.01)
    status, error = await _ready(http)
    assert (status, "removed or replaced" in error, str(path) in error) == (503, True, False)
    assert (await http.get("/healthz")).status == 200
    aside.rename(path)
    assert await asyncio.to_thread(waiting.wait, PATIENCE_SECONDS) == 1
    await _until_ready(http)


async def test_it_is_not_when_the_log_is_gone_before_anybody_writes(http: HttpClient, database_url: str) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    aside = path.rename(path.with_name("aside.db"))
    status, error = await _ready(http)
    assert (status, "removed or replaced" in error, str(path.parent) in error) == (503, True, False)
    aside.rename(path)
    await _until_ready(http)


async def test_it_does_not_say_where_the_database_is_whose_tables_are_gone(postgres_url: str) -> None:
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=Settings(database_url=postgres_url)):
        async with http_client(server.url) as http:
            await _until_ready(http)
            with psycopg.connect(postgres_url) as connection:
                connection.execute("DROP TABLE alembic_version")
            status, error = await _ready(http)
            assert (status, "removed or replaced" in error, "127.0.0.1" in error) == (503, True, False)


async def test_it_is_not_on_a_disk_that_is_nearly_full(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(SqliteStore, "free_bytes", lambda _: 1_000_000)
        assert await _ready(http) == (503, "The disk of the log is nearly full: 1,000,000 bytes are left.")
    await _until_ready(http)


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (lambda: _raises(StoreUnavailable("The log is busy.")), "The log is busy."),
        (lambda: asyncio.sleep(60), "The log could not be read within 0.05 s."),
    ],
    ids=["refused", "silent"],
)
async def test_it_is_not_while_clients_cannot_be_told_of_what_is_in_the_log(
    http: HttpClient, monkeypatch: pytest.MonkeyPatch, fails: Callable[[], Any], says: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(readiness, "_WITHIN_SECONDS", 0.05)
        broken.setattr("tracker.feed.Feed.head", lambda _: fails())
        assert await _ready(http) == (503, says)
    await _until_ready(http)


async def _raises(error: Exception) -> None:
    raise error


async def test_it_is_not_when_the_tables_are_of_another_version(http: HttpClient, database_url: str) -> None:
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    status, error = await _ready(http)
    assert (status, error[:28]) == (503, "The log has schema 9999, thi")


async def test_a_node_says_that_another_one_changed_the_tables(postgres_url: str) -> None:
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=Settings(database_url=postgres_url)):
        async with http_client(server.url) as http:
            await _until_ready(http)
            with psycopg.connect(postgres_url) as connection:
                connection.execute("UPDATE alembic_version SET version_num = '9999'")
            status, error = await _ready(http)
            assert (status, "schema 9999" in error) == (503, True)
            with psycopg.connect(postgres_url) as connection:
                connection.execute("UPDATE alembic_version SET version_num = '0004'")
            await _until_ready(http)
