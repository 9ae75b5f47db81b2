"""The writer of a node that is not the only one: on PostgreSQL, any number of them write one log.

The row of ``log_head`` puts their transactions in order: it is taken last, behind the locks of the jobs, and held until
the commit. What this writer remembers of jobs is compared with the log's before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from sqlalchemy import Connection, Engine, event, insert, text
from sqlalchemy.exc import DBAPIError

from tracker.errors import StoreError, StoreUnavailable
from tracker.events import Event
from tracker.projection import Job
from tracker.store import rows
from tracker.store.arrays import CopyInsert
from tracker.store.base import Append, Committed, Pruned
from tracker.store.shared_lookups import SharedLookups
from tracker.store.tables import events
from tracker.store.writer import SqlWriter

CHANNEL = "jobreel"
# The doorbell rings with the commit, and in the same statement: a notice carries the position and nothing else.
_ADVANCE_HEAD = (
    f"UPDATE log_head SET position = position + %s RETURNING position, pg_notify('{CHANNEL}', position::text)"
)
# Conflicts with every writer's lock on a job, and with no reader.
_KEEP_OUT = text("LOCK TABLE jobs IN EXCLUSIVE MODE")
_LEASE = text("SELECT pg_try_advisory_xact_lock(hashtext('jobreel retention'), 0)")
_ATTEMPTS = 10


class Overtaken(StoreError):
    """Another node recorded the same job's start, or the same ``event_id``, at the same moment."""


class SharedWriter(SqlWriter):
    """See :class:`tracker.store.base.Writer`. One connection, kept open; one thread; any number of nodes."""

    def __init__(
        self, engine: Engine, translate: Callable[[DBAPIError], StoreError], on_close: Callable[[], None]
    ) -> None:
        self.session: int | None = None
        """The server process that has this writer's connection. Written by the recorder's thread, read by any."""
        event.listen(engine, "connect", self._note_session)
        super().__init__(engine, translate, on_close)
        self._insert_events = CopyInsert(insert(events), rows.EVENT_COLUMNS, engine.dialect)
        self._advance_head = _ADVANCE_HEAD

    def append(self, appends: Sequence[Append]) -> Committed:
        """See :meth:`tracker.store.base.Writer.append`."""
        for _ in range(_ATTEMPTS):
            try:
                return super().append(appends)
            except Overtaken:
                # What the other one recorded is there now, and this is judged by it.
                continue
        raise StoreUnavailable("Other nodes record the same jobs all the time. The log is tried again.")

    def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Writer.load_job`."""
        return self._read_job(job_id)

    def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
        """See :meth:`tracker.store.base.Writer.prune`. Nothing is due while another node prunes."""
        with self.transaction() as connection:
            # Held for one step: a node that dies gives it up with its connection.
            if not connection.execute(_LEASE).scalar():
                return Pruned(jobs=0, events=0, done=True)
            return self._prune(connection, finished_before, now, max_events)

    def give_back(self, max_pages: int) -> int:  # noqa: ARG002  # the contract's
        """See :meth:`tracker.store.base.Writer.give_back`. PostgreSQL's autovacuum does it, as it sees fit."""
        return 0

    def _note_session(self, connection: Any, _: object) -> None:
        self.session = connection.info.backend_pid
        # It may be a standby that took over, and has not all that the server before it had.
        self.connections += 1
        self._cache.clear()

    def _lookups(self, connection: Connection, wanted: Sequence[Event]) -> SharedLookups:
        return SharedLookups(connection, self._cache, wanted)

    def _write_jobs(self, connection: Connection, jobs: dict[str, Job], steady: Set[str]) -> None:  # noqa: ARG002
        # PostgreSQL writes a row and its indexes anew, whichever columns change: one statement is one trip.
        super()._write_jobs(connection, jobs, frozenset())

    def _keep_others_out(self, connection: Connection) -> None:
        connection.execute(_KEEP_OUT)
