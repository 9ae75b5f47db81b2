"""The log at one moment, read in one transaction: what its owner writes or prunes meanwhile is not in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.exc import DBAPIError

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.events import RecordedEvent
from tracker.json_values import is_storable
from tracker.store import rows, statements, verifying
from tracker.store.base import Tombstone
from tracker.store.tables import events, jobs, tombstones

_ROWS_A_STEP = 1000


class Snapshot:
    """A reading face for whoever reads much of the log in order. One thread; memory does not grow with the log.

    While it is open, SQLite's write-ahead log keeps what the owner writes: it is not for days.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # The first read is what the moment is.
        self.head = rows.log_head(connection.execute(statements.HEAD).one())

    def events(self, job_ids: Sequence[str], first: int, last: int) -> Iterator[RecordedEvent]:
        """Events up to position ``last``, in order: of these jobs, or of all, that were heard of from ``first`` on.

        A job's events come from its start, also those before ``first``. Those of pruned jobs that linger do not.
        """
        return map(rows.recorded_event, self._rows(statements.whole_jobs(job_ids, first, last)))

    def tombstones(self) -> Iterator[Tombstone]:
        """Every pruned job, by its id."""
        return ((row[0], row[1], row[2]) for row in self._rows(statements.TOMBSTONES))

    def first_at(self, moment: int) -> int:
        """The position of the first event recorded at ``moment`` (microseconds UTC) or later; head + 1 if none was."""
        found: int | None = self._connection.execute(statements.FIRST_AT, {"moment": moment}).scalar()
        return self.head.position + 1 if found is None else found

    def faults(self) -> Iterator[str]:
        """What is wrong with the log: see :mod:`tracker.store.verifying`."""
        return verifying.faults(self._connection)

    def count(self) -> tuple[int, int, int]:
        """How many events, jobs and pruned jobs there are."""
        counts = [select(func.count()).select_from(table) for table in (events, jobs, tombstones)]
        found = [self._connection.execute(count).scalar_one() for count in counts]
        return found[0], found[1], found[2]

    def demand_job(self, job_id: str) -> None:
        """Raise :class:`JobNotFound` or :class:`JobPruned` unless the job is there."""
        if not is_storable(job_id):
            raise JobNotFound(job_id)
        if self._connection.execute(statements.JOB_STATE, {"job_id": job_id}).first() is None:
            pruned = self._connection.execute(statements.PRUNED_IDS, {"job_ids": [job_id]}).first()
            raise JobPruned(job_id) if pruned else JobNotFound(job_id)

    def _rows(self, statement: Select[Any]) -> Iterator[Sequence[Any]]:
        return iter(self._connection.execution_options(yield_per=_ROWS_A_STEP).execute(statement))


@contextmanager
def snapshot(engine: Engine, translate: Callable[[DBAPIError], StoreError]) -> Iterator[Snapshot]:
    """The log of an engine whose transactions begin with BEGIN, as it is now."""
    try:
        with engine.connect() as connection, connection.begin():
            yield Snapshot(connection)
    except DBAPIError as error:
        raise translate(error) from error
    finally:
        engine.dispose()
