"""The event log on a database. ``open_store(url)`` is the way in; nobody above knows which database it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tracker.errors import InvalidSetting, LogMissing, StoreError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import URL

    from tracker.store.base import EventStore, LogHead
    from tracker.store.loading import Loading
    from tracker.store.reader import SqlReader
    from tracker.store.snapshot import Snapshot
    from tracker.store.token_table import TokenTable


_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})


def open_store(url: str, *, migrate: bool = False) -> EventStore:
    """Open the log at a database URL for writing, creating it where it does not exist.

    ``migrate``: also change tables of an older version that other nodes may be working with. A SQLite file, which has
    one owner, is always brought to this version.

    Raises:
        InvalidSetting: If the URL names no database that the tracker can use.
        StoreOwned: If another process writes it.
        SchemaMismatch: If its tables are of another version.
        StoreError: If it cannot be opened.
    """
    place = place_of(url)
    if isinstance(place, Path):
        from tracker.store.sqlite import SqliteStore

        return SqliteStore(place)
    from tracker.store.postgres import PostgresStore

    return PostgresStore(place, migrate=migrate)


def open_reader(url: str) -> SqlReader:
    """Open an existing log for reading, also beside the process that writes it.

    Raises:
        StoreError: If there is no log.
        SchemaMismatch: If its tables are not of this version.
    """
    place = _existing(url)
    if isinstance(place, Path):
        from tracker.store import sqlite

        return sqlite.open_reader(place)
    from tracker.store import postgres

    return postgres.open_reader(place)


def open_snapshot(url: str) -> AbstractContextManager[Snapshot]:
    """An existing log as it is now, also beside the process that writes it; see :class:`Snapshot`.

    Raises:
        StoreError: If there is no log.
        SchemaMismatch: If its tables are not of this version.
    """
    place = _existing(url)
    if isinstance(place, Path):
        from tracker.store import sqlite

        return sqlite.open_snapshot(place)
    from tracker.store import postgres

    return postgres.open_snapshot(place)


def open_loading(url: str, *, resumes: str | None = None) -> AbstractContextManager[Loading]:
    """A transaction that fills a log in which nothing was recorded yet; makes it where it does not exist.

    ``resumes``: the epoch of a log that was filled in part before.

    If it fails, the log is as it was; a SQLite file that did not exist does not, a PostgreSQL database may have empty
    tables.

    Raises:
        InvalidSetting: If the URL names no database that the tracker can use.
        LogNotEmpty: If the log has events.
        StoreOwned: If another process writes it.
    """
    place = place_of(url)
    if isinstance(place, Path):
        from tracker.store import sqlite

        return sqlite.open_loading(place, resumes)
    from tracker.store import postgres

    return postgres.open_loading(place, resumes)


def open_token_table(url: str) -> TokenTable:
    """The tokens of a log, also beside the process that writes it; makes or migrates the log where nobody does.

    Raises:
        StoreOwned: If the log is of an older version, and another process writes it.
        StoreError: If it cannot be opened.
    """
    place = place_of(url)
    try:
        _demand_current(place)
    except StoreError:
        open_store(url).close()
    if isinstance(place, Path):
        from tracker.store import sqlite

        return sqlite.open_token_table(place)
    from tracker.store import postgres

    return postgres.open_token_table(place)


def back_up(url: str, target: Path) -> LogHead:
    """Copy a SQLite log, as it is now, to a new file; proven, also while it is written. Returns the copy's ends.

    The copy has an epoch of its own.

    Raises:
        StoreError: If there is no log, it is not sound, or it is on a server, which has tools of its own.
        OSError: If the copy cannot be written.
    """
    place = _existing(url)
    if isinstance(place, Path):
        from tracker.store import backup

        return backup.back_up(place, target)
    raise StoreError("A log on PostgreSQL is backed up with the server's own tools, `pg_dump` or `pg_basebackup`.")


def demand_current(url: str) -> None:
    """Raise :class:`SchemaMismatch` unless the log's tables are of this version; reads only.

    Raises:
        LogMissing: If there is no log.
        StoreError: If it cannot be read.
    """
    _existing(url)


def revision(url: str) -> str | None:
    """The version of the log's tables; None where there is no log, or nothing that can be read as one."""
    place = place_of(url)
    if isinstance(place, Path):
        from tracker.store import sqlite

        return sqlite.revision(place)
    from tracker.store import postgres

    return postgres.revision(place)


def _existing(url: str) -> Path | URL:
    place = place_of(url)
    if isinstance(place, Path) and not place.is_file():
        raise LogMissing(str(place))
    _demand_current(place)
    return place


def _demand_current(place: Path | URL) -> None:
    if isinstance(place, Path):
        from tracker.store import sqlite

        sqlite.demand_current(place)
    else:
        from tracker.store import postgres

        postgres.demand_current(place)


def place_of(url: str) -> Path | URL:
    """The file of a SQLite log, or the URL of a PostgreSQL one as SQLAlchemy knows it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from tracker.store.hosts import spelled_out, with_primary

    try:
        parsed = make_url(spelled_out(url))
    except (ArgumentError, ValueError) as error:  # ValueError: of a port that is no number
        # The URL is not repeated: it may have a password.
        shown = url.partition("://")[0] if "@" in url else url
        raise InvalidSetting("database_url", shown, "is not a database URL (sqlite:///FILE)") from error
    if parsed.drivername in _POSTGRES:
        return with_primary(parsed.set(drivername="postgresql+psycopg"))
    shown = parsed.render_as_string()
    if parsed.get_backend_name() != "sqlite":
        raise InvalidSetting("database_url", shown, "must be a sqlite:/// or postgresql:// URL")
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidSetting("database_url", shown, "must name a file: a log in memory would not outlive it")
    return Path(parsed.database).expanduser().absolute()
