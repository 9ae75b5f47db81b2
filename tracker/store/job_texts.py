"""The text that jobs are searched by, and its index: on SQLite FTS5 by trigrams, on PostgreSQL a table for pg_trgm.

A row a job, under its ``started_position``. It is written when the job starts, reports an error and ends, so that a
progress call costs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Dialect, MetaData, Select, Table, Text, delete, func, select
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ColumnElement

from tracker.events import ErrorReported, JobCompleted, JobFailed, JobStarted, RecordedEvent
from tracker.job_query import searched
from tracker.projection import Job
from tracker.store.bulk import bulk_insert

# Apart from the other tables: a virtual table, with tables of SQLite's own behind it, is nothing that Alembic compares.
_metadata = MetaData()
job_texts = Table(
    "job_texts", _metadata, Column("rowid", BigInteger, primary_key=True), Column("text", Text, nullable=False)
)
_WRITTEN_BY = frozenset({JobStarted.type, ErrorReported.type, JobCompleted.type, JobFailed.type})
_TRIGRAM = 3


class JobTexts:
    """Writes the texts, on the connection of the one who records."""

    def __init__(self, dialect: Dialect) -> None:
        self._replace = bulk_insert(_replace(dialect.name), ("rowid", "text"), dialect)

    def write_changed(self, connection: Connection, recorded: Iterable[RecordedEvent], jobs: dict[str, Job]) -> None:
        """Write the texts of the jobs of which these events changed it."""
        changed = {event.job_id for event in recorded if event.type in _WRITTEN_BY}
        if changed:
            self.write(connection, [jobs[job_id] for job_id in changed])

    def write(self, connection: Connection, jobs: Sequence[Job]) -> None:
        """Write the texts of these jobs."""
        self._replace.execute(connection, [(job.started_position, searched(job)) for job in jobs])


def forget(connection: Connection, jobs: Sequence[Job] | None = None) -> None:
    """Remove the texts of these jobs; of all without any."""
    statement = delete(job_texts)
    if jobs is not None:
        statement = statement.where(job_texts.c.rowid.in_([job.started_position for job in jobs]))
    connection.execute(statement)


def found(text: str, dialect: str) -> Select[Any]:
    """The ``started_position`` of the jobs whose text has ``text`` in it, which is folded."""
    statement = select(job_texts.c.rowid)
    if dialect == "postgresql":
        return statement.where(job_texts.c.text.contains(text, autoescape=True))
    if len(text) < _TRIGRAM:
        # Less than a trigram is in no index.
        return statement.where(place_of(text, job_texts.c.text, dialect) > 0)
    phrase = '"' + text.replace('"', '""') + '"'
    return statement.where(sql("job_texts MATCH :phrase").bindparams(phrase=phrase))


def place_of(text: str, column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """Where a text is in a column, from 1; 0 for nowhere."""
    return (func.strpos if dialect == "postgresql" else func.instr)(column, text)


def _replace(dialect: str) -> Insert:
    if dialect == "postgresql":
        insert = postgresql.insert(job_texts)
        return insert.on_conflict_do_update(index_elements=[job_texts.c.rowid], set_={"text": insert.excluded.text})
    return job_texts.insert().prefix_with("OR REPLACE")
