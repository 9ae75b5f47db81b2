"""What a URL, the environment or the database says otherwise, and what stays as it must be all the same."""

from __future__ import annotations

from functools import partial
from typing import cast

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.builders import NOON, appends, completed, started
from tests.cluster import Cluster
from tests.tracker.doubles import in_threads
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter
from tracker.store import open_store, postgres
from tracker.store.shared_writer import SharedWriter

from .postgres_logs import engine_url, refusal, rows


@pytest.mark.parametrize("name", ["sslmod", "prepare_threshold", "autocommit"])
def test_an_option_that_no_connection_has_is_named(cluster: Cluster, name: str) -> None:
    error = refusal(f"{cluster.url('postgres')}?{name}=0")
    assert not isinstance(error, StoreUnavailable)
    assert f"has the option {name}, which is none" in str(error)


@pytest.mark.parametrize("option", ["sslmode=maybe", "connect_timeout=soon"])
def test_an_option_that_cannot_be_is_no_passing_trouble(cluster: Cluster, option: str) -> None:
    error = refusal(f"{cluster.url('postgres')}?{option}")
    assert not isinstance(error, StoreUnavailable)
    assert "An option of the database URL is not right" in str(error)
    assert all(part in str(error) for part in option.split("="))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_texts_are_whole_whatever_encoding_the_environment_asks_for(
    postgres_url: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    with ProgressReporter(database_url=postgres_url) as reporter:
        reporter.start_job("Läufer 跑").wait()
        status = reporter.get_job_status("Läufer 跑")
        assert status is not None
        assert status["job_id"] == "Läufer 跑"


def test_commits_are_synced_whatever_the_database_says(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(connection.info.dbname))
        )
    store = open_store(postgres_url)
    with cast(SharedWriter, store.writer).transaction() as transaction:
        assert transaction.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_nodes_take_turns_whatever_isolation_the_database_has(postgres_url: str, isolation: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}").format(
                sql.Identifier(connection.info.dbname), sql.Literal(isolation)
            )
        )
    stores = [open_store(postgres_url) for _ in range(2)]

    def write(number: int) -> None:
        for one in range(20):
            stores[number].writer.append(appends(started(f"{number} {one}"), completed(f"{number} {one}")))

    in_threads(partial(write, 0), partial(write, 1))
    for store in stores:
        store.close()
    assert [row[0] for row in rows(postgres_url)] == list(range(1, 81))


def test_durations_are_whole_however_many_digits_the_database_shows(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET extra_float_digits = -15").format(sql.Identifier(connection.info.dbname))
        )
    store = open_store(postgres_url)
    store.writer.append(appends(started("a"), completed("a"), at=NOON))
    with cast(SharedWriter, store.writer).transaction() as transaction:
        transaction.exec_driver_sql("UPDATE jobs SET duration = 1.234567")
        assert transaction.exec_driver_sql("SELECT duration FROM jobs").scalar() == 1.234567
    store.close()


async def test_no_session_is_ended_for_being_quiet(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET idle_session_timeout = '1min'").format(name))
    url = make_url(engine_url(postgres_url))
    with postgres.writing_engine(url).connect() as writing:
        assert writing.exec_driver_sql("SHOW idle_session_timeout").scalar() == "0"
    engine = postgres._reading_engine(url, 1)
    async with engine.connect() as reading:
        assert (await reading.exec_driver_sql("SHOW idle_session_timeout")).scalar() == "0"
    await engine.dispose()
