from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from tests.builders import appends, started
from tracker.errors import SchemaMismatch, StoreError
from tracker.store import schema
from tracker.store.sqlite import SqliteStore, writing_engine
from tracker.store.tables import metadata

TABLES = {"events", "jobs", "tombstones", "log_head", "tokens", "audit", "statistics", "statistics_head", "job_texts"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = writing_engine(path)
    yield engine
    engine.dispose()


def tables(connection: Connection) -> set[str]:
    found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
    # The index of texts has tables of its own behind it.
    return {name for name in found if not name.startswith("job_texts_")} - {"alembic_version"}


def differences(connection: Connection) -> list[object]:
    # A virtual table is nothing that the metadata could hold.
    names = {"include_name": lambda name, kind, _: kind != "table" or not name.startswith("job_texts")}
    return list(compare_metadata(MigrationContext.configure(connection, opts=names), metadata))


def objects(connection: Connection) -> list[tuple[str, ...]]:
    rows = connection.execute(text("SELECT type, name, sql FROM sqlite_master ORDER BY name"))
    return [tuple(row) for row in rows]


def raw(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_tables_are_those_of_the_metadata(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.upgrade(connection)
        assert differences(connection) == []
        assert tables(connection) == TABLES


def test_the_comparison_above_can_fail(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.upgrade(connection)
        connection.execute(text("DROP INDEX ix_jobs_completed_at"))
        assert differences(connection) != []


def test_the_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_folder()))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_a_log_goes_down_and_up_again(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.upgrade(connection)
        first = objects(connection)
    with engine.begin() as connection:
        schema.downgrade(connection)
        assert tables(connection) == set()
        assert schema.current(connection) is None
    with engine.begin() as connection:
        schema.upgrade(connection)
        assert objects(connection) == first
        assert schema.current(connection) == schema.REVISION


def test_a_log_with_events_goes_down(path: Path) -> None:
    store = SqliteStore(path)
    store.writer.append(appends(started("a")))
    with store.writer.transaction() as connection:
        schema.downgrade(connection)
        assert tables(connection) == set()
    store.close()
    again = SqliteStore(path)
    assert again.writer.head().position == 0
    again.close()


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.upgrade(connection)
        first = connection.execute(text("SELECT * FROM log_head")).all()
    with engine.begin() as connection:
        schema.upgrade(connection)
        assert connection.execute(text("SELECT * FROM log_head")).all() == first


def test_each_new_log_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = set()
    for name in ("a", "b"):
        store = SqliteStore(tmp_path / name)
        epochs.add(store.writer.head().epoch)
        store.close()
    assert len(epochs) == 2


def test_a_migration_that_fails_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its trigger is already there: the last statements fail, long after the tables were made.
    monkeypatch.setattr(schema, "_begin_log", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        SqliteStore(path)
    left = sqlite3.connect(path)
    assert left.execute("SELECT name FROM sqlite_master").fetchall() == []
    left.close()
    monkeypatch.undo()
    SqliteStore(path).close()


def test_a_failure_in_the_midst_of_the_statements_leaves_nothing_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("CREATE TABLE other (a)"))
        connection.execute(text("CREATE INDEX ix_jobs_completed_at ON other (a)"))
    with engine.connect() as connection:
        before = objects(connection)
    with pytest.raises(Exception, match="ix_jobs_completed_at"), engine.begin() as connection:
        schema._alembic(connection, "head")
    with engine.connect() as connection:
        assert objects(connection) == before


def test_a_log_of_a_newer_tracker_is_left_alone(path: Path) -> None:
    SqliteStore(path).close()
    raw(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer tracker") as refused:
        SqliteStore(path)
    assert (refused.value.found, refused.value.expected) == ("9999", schema.REVISION)
    raw(path, f"UPDATE alembic_version SET version_num = '{schema.REVISION}'")
    SqliteStore(path).close()


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    raw(path, "CREATE TABLE songs (title)", "INSERT INTO songs VALUES ('a')")
    with pytest.raises(SchemaMismatch, match="of another program"):
        SqliteStore(path)
    left = sqlite3.connect(path)
    assert left.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    left.close()


def test_a_log_that_could_not_be_opened_is_let_go_at_once(path: Path) -> None:
    raw(path, "CREATE TABLE songs (title)")
    with pytest.raises(SchemaMismatch) as first:
        SqliteStore(path)
    # No connection is left open while the error is still held: the last one to close removes these.
    assert first.value.__traceback__ is not None
    assert [file.name for file in path.parent.iterdir() if file.name.endswith(("-wal", "-shm"))] == []
    with pytest.raises(SchemaMismatch):
        SqliteStore(path)


def test_only_the_current_tables_are_worked_with(engine: Engine) -> None:
    with engine.begin() as connection:
        with pytest.raises(SchemaMismatch, match="tracker migrate"):
            schema.demand_current(connection)
        schema.upgrade(connection)
        schema.demand_current(connection)


def test_an_empty_file_becomes_a_log(path: Path) -> None:
    path.touch()
    store = SqliteStore(path)
    assert store.writer.head().position == 0
    store.close()


def test_a_log_without_its_tables_is_an_error_and_no_crash(path: Path) -> None:
    SqliteStore(path).close()
    raw(path, "DROP TABLE log_head")
    with pytest.raises(StoreError, match="no such table"):
        SqliteStore(path)


def test_jobs_of_an_older_log_are_found_by_what_is_new(path: Path, engine: Engine) -> None:
    store = SqliteStore(path)
    store.writer.append(appends(started("a"), started("b")))
    store.close()

    def rows() -> list[list[tuple[object, ...]]]:
        with engine.begin() as connection:
            return [
                list(map(tuple, connection.execute(text(f"SELECT * FROM {name}")))) for name in ("jobs", "job_texts")
            ]

    before = rows()
    assert [len(found) for found in before] == [2, 2]
    with engine.begin() as connection:
        schema.downgrade(connection, "0002")
        assert "job_texts" not in tables(connection)
    SqliteStore(path).close()
    assert rows() == before
