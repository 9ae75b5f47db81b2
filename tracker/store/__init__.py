"""The event log on a database. ``open_store(url)`` is the way in; nobody above knows which database it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.errors import InvalidSetting, StoreError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tracker.store.base import EventStore
    from tracker.store.loading import Loading
    from tracker.store.reader import SqlReader
    from tracker.store.snapshot import Snapshot
    from tracker.store.token_table import TokenTable


def open_store(url: str) -> EventStore:
    """Open the log at a database URL for writing, creating it where it does not exist.

    Raises:
        InvalidSetting: If the URL names no database that the tracker can use.
        StoreOwned: If another process writes it.
        StoreError: If it cannot be opened.
    """
    from tracker.store.sqlite import SqliteStore

    return SqliteStore(_sqlite_path(url))


def open_reader(url: str) -> SqlReader:
    """Open an existing log for reading, also beside the process that writes it.

    Raises:
        StoreError: If there is no log.
        SchemaMismatch: If its tables are not of this version.
    """
    from tracker.store import sqlite

    return sqlite.open_reader(_existing(url))


def open_snapshot(url: str) -> AbstractContextManager[Snapshot]:
    """An existing log as it is now, also beside the process that writes it; see :class:`Snapshot`.

    Raises:
        StoreError: If there is no log.
        SchemaMismatch: If its tables are not of this version.
    """
    from tracker.store import sqlite

    return sqlite.open_snapshot(_existing(url))


def open_loading(url: str) -> AbstractContextManager[Loading]:
    """A transaction that fills a log in which nothing was recorded yet; makes it where it does not exist.

    If it fails, the log is as it was, and one that did not exist does not.

    Raises:
        InvalidSetting: If the URL names no database that the tracker can use.
        LogNotEmpty: If the log has events.
        StoreOwned: If another process writes it.
    """
    from tracker.store import sqlite

    return sqlite.open_loading(_sqlite_path(url))


def open_token_table(url: str) -> TokenTable:
    """The tokens of a log, also beside the process that writes it; makes or migrates the log where nobody does.

    Raises:
        StoreOwned: If the log is of an older version, and another process writes it.
        StoreError: If it cannot be opened.
    """
    from tracker.store import sqlite

    path = _sqlite_path(url)
    try:
        sqlite.demand_current(path)
    except StoreError:
        sqlite.SqliteStore(path).close()
    return sqlite.open_token_table(path)


def _existing(url: str) -> Path:
    from tracker.store import sqlite

    path = _sqlite_path(url)
    if not path.is_file():
        raise StoreError(f"There is no log at {path} yet: `tracker serve` or a reporter makes it.")
    sqlite.demand_current(path)
    return path


def _sqlite_path(url: str) -> Path:
    from pathlib import Path

    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: of a port that is no number
        raise InvalidSetting("database_url", url, "is not a database URL (sqlite:///FILE)") from error
    if parsed.get_backend_name() != "sqlite":
        raise InvalidSetting("database_url", url, "must be a sqlite:/// URL")
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidSetting("database_url", url, "must name a file: a log in memory would not outlive it")
    return Path(parsed.database).expanduser().absolute()
