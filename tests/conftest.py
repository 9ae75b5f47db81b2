"""What tests share: a log in a temporary folder, a reporter on it, a server in front of it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.websocket_server import WebSocketServer
from tests import figures
from tests.cluster import Cluster
from tracker.progress_reporter import ProgressReporter
from tracker.projection import PROJECTION_VERSION
from tracker.settings import PREFIX, Settings
from tracker.statistics import STATISTICS_VERSION
from tracker.store import open_store
from tracker.store.sqlite import SqliteStore

EMPTY_POSTGRES = f"""
SET lock_timeout = '20s';
SET session_replication_role = replica;
TRUNCATE events, jobs, tombstones, job_texts, statistics, tokens, audit RESTART IDENTITY;
UPDATE log_head
SET position = 0, horizon = 0, epoch = md5(random()::text), projection_version = {PROJECTION_VERSION};
UPDATE statistics_head SET version = {STATISTICS_VERSION}, kept_through = NULL
"""


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes: the table is another's
        session.config.workeroutput["figures"] = figures.shown()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    figures.add(getattr(node, "workeroutput", {}).get("figures", []))  # none of one that crashed


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return _encodable((yield))  # what a test wrote goes to the other process as UTF-8, and half a character is none


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {name: _encodable(one) for name, one in value.items()}
        case list() | tuple():
            return type(value)(map(_encodable, value))
    return value


def pytest_terminal_summary() -> None:
    figures.print_table()


@pytest.fixture(autouse=True)
def _settings_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Neither the settings nor the log of whoever runs the tests.
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def empty_log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a log that was just made."""
    path = tmp_path_factory.mktemp("empty") / "log.db"
    SqliteStore(path).close()
    return path.read_bytes()


@pytest.fixture
def database_url(tmp_path: Path, empty_log: bytes) -> str:
    """A log of its own: copied, as making one takes longer than most tests."""
    path = tmp_path / "log.db"
    path.write_bytes(empty_log)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE log_head SET epoch = ?", (uuid.uuid4().hex,))
    return f"sqlite:///{path.as_posix()}"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    with contextlib.closing(Cluster(syncs=False)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def empty_postgres(cluster: Cluster) -> str:
    """The database of a log that was just made."""
    name = cluster.create_database()
    open_store(cluster.url(name)).close()
    return name


@pytest.fixture
def postgres_url(cluster: Cluster, empty_postgres: str) -> Iterator[str]:
    """A log on PostgreSQL, of its own."""
    name = cluster.create_database(template=empty_postgres)
    url = cluster.url(name)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE log_head SET epoch = %s", (uuid.uuid4().hex,))
    yield url
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def _one_postgres(cluster: Cluster, empty_postgres: str) -> str:
    return cluster.url(cluster.create_database(template=empty_postgres))


@pytest.fixture
def emptied_postgres_url(_one_postgres: str) -> str:
    """A log on PostgreSQL that tests use one after the other: emptying it is quicker than making one."""
    with psycopg.connect(_one_postgres) as connection:
        connection.execute(EMPTY_POSTGRES, prepare=False)
    return _one_postgres


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


@pytest.fixture
def reporter(settings: Settings) -> Iterator[ProgressReporter]:
    with ProgressReporter(settings=settings) as reporter:
        yield reporter


@pytest.fixture
def server() -> WebSocketServer:
    """A server on a free port; it listens once a reporter is made with it."""
    return WebSocketServer(port=0)


@pytest.fixture
def served(server: WebSocketServer, settings: Settings) -> Iterator[ProgressReporter]:
    """A reporter whose log ``server`` serves."""
    with ProgressReporter(server, settings=settings) as reporter:
        yield reporter
