"""What is SQLite's own: the file and its owner, the pragmas, the transactions, the meaning of its errors."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from tracker.durable_names import make_folder
from tracker.errors import LogNotEmpty, StoreError
from tracker.store import driver, schema
from tracker.store.loading import Loading
from tracker.store.owner import RIGHTS, OwnerLock
from tracker.store.reader import SqlReader
from tracker.store.same_file import SameFile
from tracker.store.snapshot import Snapshot, snapshot
from tracker.store.sqlite_errors import translate
from tracker.store.token_table import TokenTable
from tracker.store.write_ahead_log import WriteAheadLog
from tracker.store.writer import SqlWriter

_BUSY_TIMEOUT_SECONDS = 5.0
_READERS = 4
# Set before the first table exists; later it would need a VACUUM of the whole file. It writes, also where it changes
# nothing, and a full disk must not keep anybody from looking at the log.
_NEW_FILE_PRAGMA = "PRAGMA auto_vacuum = INCREMENTAL"
_WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # On macOS fsync() leaves data in the drive's cache; these ask for the real thing and are ignored elsewhere.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    # Without it, INSERT OR REPLACE removes a row and no trigger sees it.
    "PRAGMA recursive_triggers = ON",
    "PRAGMA journal_size_limit = 16777216",
)
_READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA cache_size = -8192")


class SqliteStore:
    """See :class:`tracker.store.base.EventStore`. One file, one owner, one writing connection."""

    def __init__(self, path: Path) -> None:
        """Open the log for writing: create and migrate it where needed, project it anew where needed.

        Raises:
            StoreOwned: If another process writes it.
            SchemaMismatch: If it is of a newer tracker, or of another program.
            StoreError: If it cannot be opened.
        """
        self._path = path
        self._is_discarded = False
        _demand_writable(path)
        self._owner = OwnerLock(path)
        self._owner.acquire()
        try:
            self.writer = SqlWriter(writing_engine(path), translate, self._leave)
        except BaseException:
            self._owner.release()
            raise
        try:
            self._prepare()
        except BaseException:
            self.writer.close()
            raise

    def reader(self) -> SqlReader:
        """See :meth:`tracker.store.base.EventStore.reader`."""
        return open_reader(self._path)

    def doorbell(self, ring: Callable[[int | None], None]) -> AbstractAsyncContextManager[None]:  # noqa: ARG002  # the contract's
        """See :meth:`tracker.store.base.EventStore.doorbell`: there is no other writer."""
        return nullcontext()

    def write_ahead_bytes(self) -> int | None:
        """See :meth:`tracker.store.base.EventStore.write_ahead_bytes`."""
        with suppress(OSError):
            return self._path.with_name(f"{self._path.name}-wal").stat().st_size
        return 0

    def free_bytes(self) -> int | None:
        """See :meth:`tracker.store.base.EventStore.free_bytes`."""
        return shutil.disk_usage(self._path.parent).free

    def announce(self, url: str | None) -> None:
        """See :meth:`tracker.store.base.EventStore.announce`."""
        self._owner.announce(url)

    def close(self) -> None:
        """See :meth:`tracker.store.base.EventStore.close`."""
        self.writer.close()

    def discard(self) -> None:
        """Close the log, and remove its file while nobody else can own it."""
        self._is_discarded = True
        self.writer.close()

    def _leave(self) -> None:
        if self._is_discarded:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            with suppress(PermissionError):  # Windows removes no file that is locked
                self._path.with_name(f"{self._path.name}.owner").unlink(missing_ok=True)
        self._owner.release()

    def _prepare(self) -> None:
        with self.writer.transaction() as connection:
            schema.upgrade(connection)
            stale = not schema.projection_is_current(connection)
        if stale:
            self.writer.rebuild()


@contextmanager
def open_loading(path: Path, resumes: str | None = None) -> Iterator[Loading]:
    """A transaction that fills a log. If it fails, a log that was not there is not."""
    is_new = not path.exists()
    missing = [folder for folder in path.parents if not folder.exists()]
    store = SqliteStore(path)
    try:
        with store.writer.loading() as loading:
            loading.demand_room(str(path), resumes)
            yield loading
    except BaseException as error:
        # What has events was made by somebody else after we had looked.
        if is_new and not isinstance(error, LogNotEmpty):
            store.discard()
            _remove_empty(missing)
        raise
    finally:
        store.close()


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # somebody put something there meanwhile
            folder.rmdir()


def open_reader(path: Path) -> SqlReader:
    """A read-only face on the log, also beside its owner; never creates, migrates or checkpoints."""
    # mode=ro needs SQLite's URI form, in which ? and # of a file's name must be escaped: as_uri() does that.
    location = path.absolute().as_uri()
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=location, query={"mode": "ro", "uri": "true"}),
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_READERS,
        max_overflow=0,
        pool_reset_on_return=None,
    )
    _stay_with_the_file(engine.sync_engine, path)
    event.listen(engine.sync_engine, "connect", _set_reader_pragmas)
    event.listen(engine.sync_engine, "reset", _end_snapshot)
    return SqlReader(engine, _READERS, translate)


def open_snapshot(path: Path) -> AbstractContextManager[Snapshot]:
    """The log as it is now, also beside its owner; reads only."""
    query = {"mode": "ro", "uri": "true"}
    engine = create_engine(
        URL.create("sqlite", database=path.absolute().as_uri(), query=query),
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS},
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _set_reader_pragmas)
    # The driver's own transactions begin with the first write, of which there is none.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return snapshot(engine, translate)


def open_token_table(path: Path) -> TokenTable:
    """The tokens of a log, also beside its owner."""
    return TokenTable(_engine(path, _leave_checkpoints_to_the_owner), translate)


def demand_current(path: Path) -> None:
    """Raise :class:`SchemaMismatch` unless the file's tables are of this version; reads only."""
    try:
        with _looking_at(path) as connection:
            schema.demand_current(connection)
    except DBAPIError as error:
        raise translate(error) from error


def revision(path: Path) -> str | None:
    """The version of the file's tables; None where there is no file, or nothing that can be read as a log."""
    if not path.is_file():
        return None
    try:
        with _looking_at(path) as connection:
            return schema.current(connection)
    except DBAPIError:
        # Opening the log for writing comes next, and says what is wrong.
        return None


@contextmanager
def _looking_at(path: Path) -> Iterator[Connection]:
    # Read-only: a log whose owner is at work is not to be touched, and one that is not there is not to be made.
    query = {"mode": "ro", "uri": "true"}
    engine = create_engine(URL.create("sqlite", database=path.absolute().as_uri(), query=query), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def writing_engine(path: Path) -> Engine:
    """The owner's engine: each transaction is ``BEGIN IMMEDIATE``, each commit synced to the disk."""
    return _engine(path, WriteAheadLog(path, _BUSY_TIMEOUT_SECONDS).keep_short)


def _engine(path: Path, before_begin: Callable[[Connection], None]) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        # The connection is opened by the caller of the tracker and then used by the recorder's thread only.
        connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    same = _stay_with_the_file(engine, path)
    event.listen(engine, "connect", _set_writer_pragmas)
    event.listen(engine, "begin", partial(_begin_immediate, same, before_begin))
    return engine


def _stay_with_the_file(engine: Engine, path: Path) -> SameFile:
    """Every connection is to the file that the first was to."""
    same = SameFile(path)
    event.listen(engine, "do_connect", lambda *_: same.demand())
    event.listen(engine, "connect", lambda *_: same.note())
    return same


def _demand_writable(path: Path) -> None:
    try:
        make_folder(path.parent)
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"Cannot make the folder {path.parent} for the log: {reason}.") from error
    if path.is_dir():
        raise StoreError(f"{path} is a folder. Name a file for the log.")
    # Not by opening it: closing what was opened would give up the locks that SQLite holds on it in this process.
    # SQLite itself would open it for reading, and refuse the first event instead.
    if path.exists() and not os.access(path, os.W_OK):
        raise StoreError(f"{path} cannot be written. {RIGHTS}")


def _set_writer_pragmas(connection: Any, _: object) -> None:
    # SQLAlchemy's transactions, not the driver's: see _begin_immediate.
    connection.isolation_level = None
    is_new = connection.execute("PRAGMA page_count").fetchone() == (0,)
    for pragma in (*([_NEW_FILE_PRAGMA] if is_new else []), *_WRITER_PRAGMAS):
        connection.execute(pragma)


def _set_reader_pragmas(connection: Any, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _READER_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _end_snapshot(connection: Any, *_: object) -> None:
    # Few readings are a transaction: the others need no trip to the driver's thread to end what was not begun.
    if connection.driver_connection.in_transaction:
        connection.rollback()


def _leave_checkpoints_to_the_owner(connection: Connection) -> None:
    # Older SQLite can lose a commit of one connection while another begins the write-ahead log anew.
    driver.execute(connection, "PRAGMA wal_autocheckpoint = 0")


def _begin_immediate(same: SameFile, before_begin: Callable[[Connection], None], connection: Connection) -> None:
    try:
        same.demand()
    except sqlite3.OperationalError as error:
        raise driver.wrapped(connection, "BEGIN IMMEDIATE", (), error) from error
    before_begin(connection)
    # A deferred transaction that reads and then writes can fail at once with SQLITE_BUSY_SNAPSHOT.
    driver.execute(connection, "BEGIN IMMEDIATE")
