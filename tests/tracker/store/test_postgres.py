from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from tests.builders import NOON, appends, completed, progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT, in_threads
from tracker.errors import InvalidSetting, SchemaMismatch, StoreError, StoreUnavailable
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import open_reader, open_store, postgres, revision, schema
from tracker.store.postgres_errors import translate
from tracker.store.shared_writer import SharedWriter


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """A database without tables."""
    name = cluster.create_database()
    yield cluster.url(name)
    cluster.drop_database(name)


def _refusal(url: str) -> StoreError:
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    assert "wrong" not in str(refused.value)
    return refused.value


def _engine_url(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


# Opening.


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_the_scheme_is_understood(postgres_url: str, scheme: str) -> None:
    store = open_store(postgres_url.replace("postgresql", scheme, 1))
    store.writer.append(appends(started("a")))
    store.close()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT job_id FROM events").fetchall() == [("a",)]


def test_a_wrong_password_says_what_to_check(cluster: Cluster) -> None:
    error = _refusal(cluster.url("postgres", password="wrong"))
    assert not isinstance(error, StoreUnavailable)
    assert "Check the user and the password" in str(error)


def test_a_database_that_is_not_there_says_how_to_make_it(cluster: Cluster) -> None:
    error = _refusal(cluster.url("nowhere"))
    assert not isinstance(error, StoreUnavailable)
    assert 'database "nowhere" does not exist' in str(error)
    assert "createdb" in str(error)


def test_a_server_that_does_not_answer_is_unavailable(cluster: Cluster) -> None:
    error = _refusal("postgresql://tester:secret@127.0.0.1:1/log")
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
    error = _refusal(postgres_url)
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
    with pytest.raises(StoreError, match="no log in"):
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
    engine = create_engine(_engine_url(postgres_url))
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
    engine = create_engine(_engine_url(postgres_url))
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


def test_commits_are_synced_whatever_the_database_says(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(connection.info.dbname))
        )
    store = open_store(postgres_url)
    with cast(SharedWriter, store.writer).transaction() as transaction:
        assert transaction.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


# Losing the connection.


@pytest.fixture
def node(postgres_url: str) -> Iterator[Tracker]:
    with Tracker(Settings(database_url=postgres_url)) as node:
        yield node


def _rows(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT position, job_id, sequence FROM events ORDER BY position").fetchall()


def _terminate(url: str, session: int | None) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (session,))


def test_a_connection_that_was_ended_is_made_anew(node: Tracker, postgres_url: str) -> None:
    node.recorder.record(started("a")).wait(WAIT)
    _terminate(postgres_url, cast(SharedWriter, node.store.writer).session)
    assert node.recorder.record(progressed("a")).wait(WAIT) == 2
    assert _rows(postgres_url) == [(1, "a", 1), (2, "a", 2)]


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
    assert _rows(postgres_url) == [(1, "a", 1), (2, "a", 2), (3, "a", 3)]


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
    assert [row[0] for row in _rows(postgres_url)] == list(range(1, 102))


# Several nodes.


def test_of_nodes_that_prune_one_does(postgres_url: str) -> None:
    here, there = open_store(postgres_url), open_store(postgres_url)
    here.writer.append(appends(started("a"), completed("a")))
    with closing(psycopg.connect(postgres_url)) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('jobreel retention'), 0)")
        assert there.writer.prune(2**53, 2**53, 100).jobs == 0
        _terminate(postgres_url, holder.info.backend_pid)  # as a node that dies does
    assert there.writer.prune(2**53, 2**53, 100).jobs == 1
    here.close()
    there.close()


def test_a_commit_that_always_comes_too_late_gives_up_for_now(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(postgres_url)
    store.writer.append(appends(started("a")))
    # One that never sees what is there.
    monkeypatch.setattr(SharedWriter, "_lookups", lambda *_: _Blind())
    with pytest.raises(StoreUnavailable, match="Other nodes record the same jobs"):
        store.writer.append(appends(started("a", photo_id=7), at=NOON))
    monkeypatch.undo()
    store.close()


class _Blind:
    newest_start = 0

    def job(self, _: str) -> None: ...

    def is_pruned(self, _: str) -> bool:
        return False

    def event_by_id(self, _: str) -> None: ...


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
