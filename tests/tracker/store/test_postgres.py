"""Opening a log on PostgreSQL: what it needs, and what is said where something is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from tests.builders import appends, started
from tests.cluster import Cluster
from tests.tracker.doubles import in_threads
from tracker.errors import InvalidSetting, SchemaMismatch, StoreError, StoreUnavailable
from tracker.store import open_reader, open_store, postgres, revision, schema
from tracker.store.postgres_errors import translate

from .postgres_logs import engine_url, refusal


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """A database without tables."""
    name = cluster.create_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_scheme_is_understood(postgres_url: str, scheme: str) -> None:
    store = open_store(postgres_url.replace("postgresql", scheme, 1))
    store.writer.append(appends(started("a")))
    store.close()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT job_id FROM events").fetchall() == [("a",)]


def test_a_wrong_password_says_what_to_check(cluster: Cluster) -> None:
    error = refusal(cluster.url("postgres", password="wrong"))
    assert not isinstance(error, StoreUnavailable)
    assert "Check the user and the password" in str(error)


def test_a_database_that_is_not_there_says_how_to_make_it(cluster: Cluster) -> None:
    error = refusal(cluster.url("nowhere"))
    assert not isinstance(error, StoreUnavailable)
    assert 'database "nowhere" does not exist' in str(error)
    assert "createdb" in str(error)


def test_a_server_that_does_not_answer_is_unavailable(cluster: Cluster) -> None:
    error = refusal("postgresql://tester:secret@127.0.0.1:1/log")
    assert isinstance(error, StoreUnavailable)
    assert "refused" in str(error)


def test_a_url_that_is_none_does_not_show_its_password() -> None:
    with pytest.raises(InvalidSetting) as refused:
        open_store("postgresql://tester:secret@127.0.0.1:port/log")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("version", "shown"), [(140_012, "14"), (90_624, "9")])
def test_an_old_server_is_named(postgres_url: str, version: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", property(lambda _: version))
    with pytest.raises(StoreError) as refused:
        open_store(postgres_url)
    assert str(refused.value) == f"This is PostgreSQL {shown}: version 15 or newer is needed."
    assert not isinstance(refused.value, StoreUnavailable)  # waiting would not help


def test_the_oldest_server_that_will_do_does(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", property(lambda _: 150_000))
    open_store(postgres_url).close()


def test_a_pooler_that_drops_the_settings_of_a_session_is_refused(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_WRITER_OPTIONS", "")
    error = refusal(postgres_url)
    assert not isinstance(error, StoreUnavailable)
    assert "a pooler is between" in str(error)


def test_a_pooler_that_takes_no_settings_is_named() -> None:
    said = 'connection to server at "127.0.0.1", port 6432 failed: FATAL:  unsupported startup parameter: options'
    error = translate(DBAPIError("", {}, psycopg.OperationalError(said)))
    assert not isinstance(error, StoreUnavailable)
    assert str(error).startswith("A pooler answers in PostgreSQL's place")
    assert "own address in the database URL" in str(error)


def test_a_database_that_cannot_hold_every_text_is_refused(cluster: Cluster) -> None:
    cluster.execute(
        sql.SQL("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    )
    try:
        with pytest.raises(StoreError, match="encoding UTF8"):
            open_store(cluster.url("latin"))
    finally:
        cluster.drop_database("latin")


def test_a_database_of_another_program_is_left_alone(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE TABLE theirs (id int)")
    with pytest.raises(SchemaMismatch, match="another program"):
        open_store(empty_url)


def test_reading_where_there_is_no_log_says_so(empty_url: str) -> None:
    with pytest.raises(StoreError, match="no log at"):
        open_reader(empty_url)


def test_nodes_that_start_together_make_one_log(empty_url: str) -> None:
    nodes: list[Any] = []

    def start() -> None:
        nodes.append(open_store(empty_url))

    in_threads(start, start, start)
    assert len({node.writer.head().epoch for node in nodes}) == 1
    for node in nodes:
        node.close()


def test_tables_of_an_older_version_wait_for_the_command(postgres_url: str) -> None:
    engine = create_engine(engine_url(postgres_url))
    with engine.begin() as connection:
        schema.downgrade(connection, "0003")
    engine.dispose()
    with pytest.raises(SchemaMismatch, match="tracker migrate"):
        open_store(postgres_url)
    assert revision(postgres_url) == "0003"
    open_store(postgres_url, migrate=True).close()
    open_store(postgres_url).close()
    assert revision(postgres_url) == schema.REVISION


def test_the_migrations_can_be_taken_back_whole(postgres_url: str) -> None:
    engine = create_engine(engine_url(postgres_url))
    with engine.begin() as connection:
        schema.downgrade(connection)
    with engine.connect() as connection:
        assert schema.current(connection) is None
        functions = "SELECT count(*) FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'"
        assert (
            connection.exec_driver_sql(
                f"{functions} AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')"
            ).scalar()
            == 0
        )
    engine.dispose()
    open_store(postgres_url).close()
