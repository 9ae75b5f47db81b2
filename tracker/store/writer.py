"""The log's one writer: an append is one transaction over the events, the jobs and the head of the log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager

from msgspec.structs import astuple
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import DBAPIError

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.events import Event, ProgressUpdated, RecordedEvent
from tracker.json_values import is_storable
from tracker.projection import Job
from tracker.statistics import HOUR, Key, add_progress, counted
from tracker.store import driver, moments, pruning, rebuilding, rows, shrinking, statements
from tracker.store.base import Append, Committed, LogHead, Pruned
from tracker.store.bulk import bulk_insert
from tracker.store.draft import Draft
from tracker.store.job_texts import JobTexts
from tracker.store.loading import Loading
from tracker.store.lookups import JobCache, Lookups
from tracker.store.statistics_table import StatisticsTable
from tracker.store.tables import events

Translate = Callable[[DBAPIError], StoreError]


class SqlWriter:
    """See :class:`tracker.store.base.Writer`. One connection, kept open; one thread."""

    connections = 0

    def __init__(self, engine: Engine, translate: Translate, on_close: Callable[[], None]) -> None:
        self._engine = engine
        self._translate = translate
        self._on_close = on_close
        self._cache = JobCache()
        dialect = engine.dialect
        self._insert_events = bulk_insert(insert(events), rows.EVENT_COLUMNS, dialect)
        self._upsert_jobs = bulk_insert(statements.upsert_jobs(dialect.name), rows.JOB_COLUMNS, dialect)
        self._advance_jobs = bulk_insert(statements.advance_jobs(dialect.name), rows.JOB_COLUMNS, dialect)
        self._texts = JobTexts(dialect)
        self._statistics = StatisticsTable(dialect)
        self._advance_head = str(statements.ADVANCE_HEAD.compile(dialect=dialect))
        self._position: int | None = None  # of the last event, where this writer put it
        self._unsettled: Draft | None = None
        self._is_closed = False
        with self._translated():
            self._connection: Connection | None = engine.connect()

    def append(self, appends: Sequence[Append]) -> Committed:
        """See :meth:`tracker.store.base.Writer.append`."""
        self._unsettled = None
        with self.transaction() as connection:
            draft = self._draft(connection, appends)
            position, jobs = self._write(connection, draft)
            # From here on until COMMIT has returned, its outcome is unknown.
            self._unsettled = draft
        self._unsettled = None
        self._position = position
        self._cache.update(jobs)
        return draft.committed()

    def settle(self) -> Committed | None:
        """See :meth:`tracker.store.base.Writer.settle`."""
        self._disconnect()
        draft = self._unsettled
        if draft is None:
            return None  # it never came to the commit
        with self.transaction() as connection:
            # Waits for the end of the old transaction, where the database still has it under way.
            connection.execute(statements.HEAD.with_for_update())
            committed = _is_recorded(connection, draft)
        self._unsettled = None
        if not committed:
            return None
        self._cache.update(draft.jobs)
        return draft.committed()

    def head(self) -> LogHead:
        """See :meth:`tracker.store.base.Writer.head`."""
        with self.transaction() as connection:
            return rows.log_head(connection.execute(statements.HEAD).one())

    def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Writer.load_job`."""
        return self._cache.get(job_id) or self._read_job(job_id)

    def finished_jobs(self, since: int, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Writer.finished_jobs`."""
        with self.transaction() as connection:
            found = connection.execute(statements.finished_jobs(), {"since": since, "limit": limit})
            return [rows.job(state) for state in found.scalars()]

    def active_jobs(self) -> list[Job]:
        """See :meth:`tracker.store.base.Writer.active_jobs`."""
        with self.transaction() as connection:
            return [rows.job(state) for state in connection.execute(statements.ACTIVE_STATES).scalars()]

    def read(self, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Writer.read`."""
        with self.transaction() as connection:
            page = connection.execute(statements.PAGE, {"after": after, "limit": limit})
            return [rows.recorded_event(row) for row in page]

    def newest_before(self, time: int) -> int | None:
        """See :meth:`tracker.store.base.Writer.newest_before`."""
        with self.transaction() as connection:
            return moments.newest_before(connection, time)

    def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
        """See :meth:`tracker.store.base.Writer.prune`."""
        with self.transaction() as connection:
            return self._prune(connection, finished_before, now, max_events)

    def give_back(self, max_pages: int) -> int:
        """See :meth:`tracker.store.base.Writer.give_back`."""
        with self.transaction() as connection:
            given = shrinking.give_back(connection, max_pages)
            is_last = given > 0 and not shrinking.free_pages(connection)
        if is_last:
            with self._translated():
                shrinking.checkpoint(self._connected())
        return given

    def begin_epoch(self, instead_of: str | None = None) -> LogHead:
        """See :meth:`tracker.store.base.Writer.begin_epoch`."""
        with self.transaction() as connection:
            if instead_of is None:
                connection.execute(statements.SET_EPOCH, {"as_epoch": uuid.uuid4().hex})
            else:
                epochs = {"as_epoch": uuid.uuid4().hex, "instead_of": instead_of}
                connection.execute(statements.REPLACE_EPOCH, epochs)
            return rows.log_head(connection.execute(statements.HEAD).one())

    def rebuild(self) -> int:
        """See :meth:`tracker.store.base.Writer.rebuild`."""
        self._forget()
        with self.transaction() as connection:
            self._keep_others_out(connection)
            return rebuilding.rebuild(connection, self._upsert_jobs, self._texts, self._statistics)

    @contextmanager
    def loading(self) -> Iterator[Loading]:
        """A transaction that takes events over as they are; see :class:`tracker.store.loading.Loading`."""
        self._forget()
        with self.transaction() as connection:
            self._keep_others_out(connection)
            yield Loading(connection, self._insert_events, self._upsert_jobs, self._texts, self._statistics)

    def close(self) -> None:
        """See :meth:`tracker.store.base.Writer.close`."""
        self._is_closed = True
        self._disconnect()
        self._engine.dispose()
        self._on_close()

    def _draft(self, connection: Connection, appends: Sequence[Append]) -> Draft:
        wanted = [event for append in appends for event in append.events]
        lookups = self._lookups(connection, wanted)
        base, self._position = self._position, None
        if base is None:
            base = connection.execute(statements.HEAD).one().position
        draft = Draft(lookups, max(base, lookups.newest_start))
        for append in appends:
            draft.take(append)
        return draft

    def _read_job(self, job_id: str) -> Job:
        if not is_storable(job_id):
            raise JobNotFound(job_id)
        with self.transaction() as connection:
            state = connection.execute(statements.JOB_STATE, {"job_id": job_id}).scalar()
            if state is not None:
                return rows.job(state)
            pruned = connection.execute(statements.PRUNED_IDS, {"job_ids": [job_id]}).first()
        raise JobPruned(job_id) if pruned else JobNotFound(job_id)

    def _prune(self, connection: Connection, finished_before: int, now: int, max_events: int) -> Pruned:
        self._forget()
        return pruning.prune_step(connection, finished_before, now, max_events)

    def _lookups(self, connection: Connection, wanted: Sequence[Event]) -> Lookups:
        """What the log has of these events' jobs, and goes on having until the end of the transaction."""
        return Lookups(connection, self._cache, wanted)

    def _keep_others_out(self, connection: Connection) -> None:
        """Be the only one who writes jobs, until the end of the transaction: here it is so all the time."""

    def _write(self, connection: Connection, draft: Draft) -> tuple[int | None, dict[str, Job]]:
        """Returns the position of the last event, None where there is no new one; and the jobs that changed."""
        count = len(draft.recorded)
        if not count:
            return None, {}
        position: int = driver.execute(connection, self._advance_head, (count,)).fetchall()[0][0]
        draft.rebase(position - count)
        jobs = draft.jobs
        self._insert_events.execute(connection, list(map(astuple, draft.recorded)))
        self._write_jobs(connection, jobs, draft.steady)
        if draft.turns:
            self._texts.write_changed(connection, draft.recorded, jobs)
        self._statistics.add(connection, _counted(draft))
        return position, jobs

    def _write_jobs(self, connection: Connection, jobs: dict[str, Job], steady: Set[str]) -> None:
        """``steady``: as :attr:`tracker.store.draft.Draft.steady`, which cost less."""
        turned = [job for job_id, job in jobs.items() if job_id not in steady]
        advanced = [job for job_id, job in jobs.items() if job_id in steady]
        self._upsert_jobs.execute(connection, list(map(rows.job_row, turned)))
        self._advance_jobs.execute(connection, list(map(rows.job_row, advanced)))

    def _forget(self) -> None:
        """The log is changed by other means than appending."""
        self._cache.clear()
        self._position = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction on the writing connection: committed at the end, rolled back on any error."""
        try:
            connection = self._connected()
            with connection.begin():
                yield connection
        except DBAPIError as error:
            # A COMMIT that failed leaves its transaction open: what comes next gets a connection of its own.
            self._disconnect()
            raise self._translate(error) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._translate(error) from error

    def _connected(self) -> Connection:
        if self._is_closed:
            # Another process may own the log by now: a thread that was left behind must not write it again.
            raise StoreError("The log was closed.")
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _counted(draft: Draft) -> dict[Key, int]:
    counters: dict[Key, int] = {}
    for event, job in draft.turns:
        for key in counted(event, job):
            counters[key] = counters.get(key, 0) + 1
    progress = ProgressUpdated.type
    hours = [event.recorded_at // HOUR for event in draft.recorded if event.type == progress]
    add_progress({hour: hours.count(hour) for hour in set(hours)}, counters)
    return counters


def _is_recorded(connection: Connection, draft: Draft) -> bool:
    # A transaction is there whole or not at all: its first row speaks for the rest.
    if not draft.recorded:
        return True
    first = draft.recorded[0]
    place = {"job_id": first.job_id, "sequence": first.sequence}
    row = connection.execute(statements.EVENT_AT, place).first()
    return row is not None and rows.recorded_event(row) == first
