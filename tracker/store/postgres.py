"""What is PostgreSQL's own: the connections, the sessions' settings, who makes the tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from tracker.errors import LogMissing, StoreError
from tracker.store import schema
from tracker.store.doorbell import Doorbell, Ring
from tracker.store.loading import Loading
from tracker.store.postgres_errors import translate
from tracker.store.postgres_url import connect_arguments
from tracker.store.reader import SqlReader
from tracker.store.shared_writer import CHANNEL, SharedWriter
from tracker.store.snapshot import Snapshot, snapshot
from tracker.store.token_table import TokenTable

_READERS = 4
_OLDEST = 15  # the oldest that is tested, and that PostgreSQL's own people still mend
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A node that stands still inside a transaction holds up all others: the server ends its session. One that waits for a
# lock gives up before its callers do. Writers take turns by locks: in a stricter isolation, which a role or a database
# may have as its own, every turn but the first would be an error.
_WRITER_OPTIONS = (
    "-c lock_timeout=10s -c idle_in_transaction_session_timeout=10s "
    r"-c default_transaction_isolation=read\ committed"
)
_IN_FORCE = "SELECT current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')"
_DROPS_SETTINGS = (
    "The settings of a session do not reach PostgreSQL (idle_in_transaction_session_timeout is 0): a pooler is between "
    "that drops them. Give the server's own address in the database URL: a node takes eight connections at most."
)
_READER_OPTIONS = "-c default_transaction_read_only=on"
# Who makes or changes the tables; the number is nobody else's as far as anybody knows.
_MIGRATING = text("SELECT pg_advisory_xact_lock(hashtext('jobreel migrations'), 0)")


class PostgresStore:
    """See :class:`tracker.store.base.EventStore`. Any number of nodes write one database."""

    def __init__(self, url: URL, *, migrate: bool = False) -> None:
        """Open the log for writing: make its tables where there are none, project it anew where needed.

        ``migrate``: bring tables of an older version to this one. Nodes of that version may be at work: they are to be
        stopped first.

        Raises:
            SchemaMismatch: If the tables are of another version, or of another program.
            StoreUnavailable: If the server cannot be reached.
            StoreError: If it does not let us in, or is too old.
        """
        self._url = url
        self.writer = SharedWriter(writing_engine(url), translate, lambda: None)
        try:
            self._prepare(migrate)
        except BaseException:
            self.writer.close()
            raise

    def reader(self) -> SqlReader:
        """See :meth:`tracker.store.base.EventStore.reader`."""
        return open_reader(self._url)

    def doorbell(self, ring: Ring) -> AbstractAsyncContextManager[None]:
        """See :meth:`tracker.store.base.EventStore.doorbell`."""
        return Doorbell(_reading_engine(self._url, 1), CHANNEL, ring, lambda: self.writer.session)

    def write_ahead_bytes(self) -> int | None:
        """See :meth:`tracker.store.base.EventStore.write_ahead_bytes`: that is the server's."""
        return None

    def free_bytes(self) -> int | None:
        """See :meth:`tracker.store.base.EventStore.free_bytes`: that is the server's."""
        return None

    def announce(self, url: str | None) -> None:
        """See :meth:`tracker.store.base.EventStore.announce`: here nobody is refused."""

    def close(self) -> None:
        """See :meth:`tracker.store.base.EventStore.close`."""
        self.writer.close()

    def _prepare(self, migrate: bool) -> None:
        with self.writer.transaction() as connection:
            _upgrade(connection, migrate)
            stale = not schema.projection_is_current(connection)
        if stale:
            self.writer.rebuild()


@contextmanager
def open_loading(url: URL, resumes: str | None = None) -> Iterator[Loading]:
    """A transaction that fills a log."""
    store = PostgresStore(url)
    try:
        with store.writer.loading() as loading:
            loading.demand_room(url.render_as_string(), resumes)
            yield loading
    finally:
        store.close()


def open_reader(url: URL) -> SqlReader:
    """A read-only face on the log; never creates or migrates."""
    return SqlReader(_reading_engine(url, _READERS), _READERS, translate, begin=_SNAPSHOT)


def open_snapshot(url: URL) -> AbstractContextManager[Snapshot]:
    """The log as it is now; reads only."""
    return snapshot(_engine(url, _READER_OPTIONS, isolation_level="REPEATABLE READ"), translate)


def open_token_table(url: URL) -> TokenTable:
    """The tokens of a log."""
    return TokenTable(writing_engine(url), translate)


def demand_current(url: URL) -> None:
    """Raise :class:`SchemaMismatch` unless the database's tables are of this version; reads only.

    Raises:
        LogMissing: If there are none.
    """
    with _looking_at(url) as connection:
        if schema.current(connection) is None:
            raise LogMissing(url.render_as_string())
        schema.demand_current(connection)


def revision(url: URL) -> str | None:
    """The version of the database's tables; None where it has none."""
    with _looking_at(url) as connection:
        return schema.current(connection)


@contextmanager
def _looking_at(url: URL) -> Iterator[Connection]:
    engine = _engine(url, _READER_OPTIONS)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise translate(error) from error
    finally:
        engine.dispose()


def _reading_engine(url: URL, connections: int) -> AsyncEngine:
    with _driver_needed():
        return create_async_engine(
            url,
            connect_args=connect_arguments(url, _READER_OPTIONS),
            isolation_level="AUTOCOMMIT",
            poolclass=AsyncAdaptedQueuePool,
            pool_size=connections,
            max_overflow=0,
        )


def writing_engine(url: URL) -> Engine:
    """An engine whose every commit is on the disk when it returns."""
    engine = _engine(url, _WRITER_OPTIONS)
    event.listen(engine, "connect", _demand_safety)
    return engine


def _engine(url: URL, options: str, **arguments: Any) -> Engine:
    with _driver_needed():
        return create_engine(url, poolclass=NullPool, connect_args=connect_arguments(url, options), **arguments)


@contextmanager
def _driver_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise StoreError("A log on PostgreSQL needs a driver: pip install 'jobreel[postgres]'") from error


def _demand_safety(connection: Any, _: object) -> None:
    version = connection.info.server_version
    if version < _OLDEST * 10_000:
        raise StoreError(f"This is PostgreSQL {version // 10_000}: version {_OLDEST} or newer is needed.")
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise StoreError("The database must have the encoding UTF8: `createdb -E UTF8 -T template0 NAME` makes one.")
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE)
        waits_for_disk, ends_idle_after = cursor.fetchone()
        if ends_idle_after == "0":
            raise StoreError(_DROPS_SETTINGS)
        if waits_for_disk == "off":
            # What is acknowledged is on the disk, whatever the others in this database think of that.
            cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _upgrade(connection: Connection, migrate: bool) -> None:
    if schema.current(connection) == schema.REVISION:
        return
    # Nodes that start together: the first makes the tables, the others find them.
    connection.execute(_MIGRATING)
    found = schema.current(connection)
    if found is not None and schema.is_older(found) and not migrate:
        schema.demand_current(connection)
    schema.upgrade(connection)
