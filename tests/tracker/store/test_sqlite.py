from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.builders import appends, completed, started
from tracker.errors import InvalidSetting, SchemaMismatch, StoreError, StoreOwned, StoreUnavailable
from tracker.filters import EVERYTHING
from tracker.store import open_reader, open_store, sqlite
from tracker.store.sqlite import SqliteStore
from tracker.store.sqlite_errors import translate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("auto_vacuum", 2),  # INCREMENTAL
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("recursive_triggers", 1),
        ("journal_size_limit", 16_777_216),
    ],
)
def test_the_writers_pragmas_are_really_set_on_every_connection(path: Path, pragma: str, value: object) -> None:
    store = SqliteStore(path)
    for _ in range(2):
        with store.writer.transaction() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
        store.writer.settle()  # opens the log anew
    store.close()


@pytest.mark.parametrize(
    "name", ["a b.db", "a?b.db", "a#b.db", "ü東😀.db", "100%.db", "a&mode=ro.db", "%41.db", "'.db"]
)
async def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / f"folder {name}"
    store = SqliteStore(folder / name)
    store.writer.append(appends(started("a")))
    reader = store.reader()
    assert len(await reader.read(0, 10, EVERYTHING)) == 1
    await reader.close()
    store.close()
    assert (folder / name).is_file()
    assert {file.name for file in folder.iterdir()} <= {name, f"{name}.owner"}


async def test_however_many_ask_a_reader_at_once_all_are_answered(path: Path) -> None:
    store = SqliteStore(path)
    reader = store.reader()
    # A pool gives up on those who wait longer than this: 30 seconds, which ten thousand clients at once do reach.
    reader._engine.sync_engine.pool._timeout = 0.001  # type: ignore[attr-defined]
    assert {head.position for head in await asyncio.gather(*[reader.head() for _ in range(200)])} == {0}
    await reader.close()
    store.close()


async def test_a_reader_cannot_write(path: Path) -> None:
    store = SqliteStore(path)
    store.writer.append(appends(started("a")))
    reader = sqlite.open_reader(path)
    async with reader._engine.connect() as connection:
        for statement in ("INSERT INTO tombstones VALUES ('a', 0, 0, 0)", "DELETE FROM jobs", "CREATE TABLE x (y)"):
            with pytest.raises(DBAPIError, match="readonly"):
                await connection.execute(text(statement))
        assert (await connection.execute(text("SELECT count(*) FROM jobs"))).scalar() == 1
    await reader.close()
    store.close()


async def test_a_reader_works_beside_the_owner_and_after_it(path: Path) -> None:
    store = SqliteStore(path)
    reader = open_reader(f"sqlite:///{path}")
    store.writer.append(appends(started("a")))
    assert (await reader.head()).position == 1
    store.writer.append(appends(completed("a")))
    assert [row.position for row in await reader.read(0, 10, EVERYTHING)] == [1, 2]
    store.close()
    assert (await reader.load_job("a")).status == "completed"
    await reader.close()
    alone = open_reader(f"sqlite:///{path}")
    assert (await alone.head()).position == 2
    await alone.close()


async def test_many_readers_at_once_are_served(path: Path) -> None:
    import asyncio

    store = SqliteStore(path)
    store.writer.append(appends(started("a")))
    reader = store.reader()
    heads = await asyncio.gather(*[reader.head() for _ in range(50)])
    assert {head.position for head in heads} == {1}
    await reader.close()
    store.close()


def test_there_is_no_reader_without_a_log(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no log"):
        open_reader(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="There is no log"):
        open_reader(f"sqlite:///{path.parent}")
    assert not path.exists()


@pytest.mark.parametrize("content", [b"no database at all, but some text" * 100, b"\x00" * 5000, b"SQLite format 3"])
def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a SQLite database"):
        SqliteStore(path)
    with pytest.raises(StoreError):
        open_reader(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_reader_of_a_log_without_our_tables_says_which_command_makes_them(path: Path) -> None:
    path.touch()
    with pytest.raises(SchemaMismatch, match="tracker migrate"):
        open_reader(f"sqlite:///{path}")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        SqliteStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for impossible in (tmp_path / "file" / "log.db", tmp_path / "file" / "deeper" / "log.db"):
        with pytest.raises(StoreError, match="Cannot make the folder"):
            SqliteStore(impossible)


def test_a_place_beside_the_log_that_cannot_be_written_is_an_error_and_leaves_no_owner(path: Path) -> None:
    note = path.with_name("log.db.owner.json")
    note.mkdir()
    with pytest.raises(StoreError, match="Cannot write beside"):
        SqliteStore(path)
    note.rmdir()
    SqliteStore(path).close()
    path.with_name("log.db.owner").unlink()
    path.with_name("log.db.owner").mkdir()
    with pytest.raises(StoreError, match="Cannot write beside"):
        SqliteStore(path)


@pytest.mark.parametrize(
    "url",
    ["", "log.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://localhost/x", "sqlite", "a://b:c:d/e"],
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    for open_it in (open_store, open_reader):
        with pytest.raises(InvalidSetting) as refused:
            open_it(url)
        assert refused.value.setting == "database_url"


def test_a_url_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for url, place in (
        (f"sqlite:///{tmp_path}/absolute.db", tmp_path / "absolute.db"),
        ("sqlite:///relative.db", tmp_path / "relative.db"),
        ("sqlite:///~/mine.db", tmp_path / "home" / "mine.db"),
    ):
        open_store(url).close()
        assert place.is_file()


def test_closing_twice_is_harmless_and_frees_the_log(path: Path) -> None:
    store = SqliteStore(path)
    with pytest.raises(StoreOwned):
        SqliteStore(path)
    store.close()
    store.close()
    SqliteStore(path).close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
        (sqlite3.SQLITE_FULL, StoreUnavailable),
        (sqlite3.SQLITE_IOERR_WRITE, StoreUnavailable),
        (sqlite3.SQLITE_READONLY, StoreUnavailable),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT, StoreError),
        (sqlite3.SQLITE_NOTADB, StoreError),
        (sqlite3.SQLITE_ERROR, StoreError),
    ],
)
def test_an_error_of_the_database_is_told_as_one_to_retry_or_not(code: int, kind: type[StoreError]) -> None:
    original = sqlite3.OperationalError("reason")
    original.sqlite_errorcode = code
    assert type(translate(DBAPIError("statement", None, original))) is kind


def test_a_constraint_is_not_one_to_retry() -> None:
    assert type(translate(DBAPIError("statement", None, sqlite3.IntegrityError("taken")))) is StoreError
