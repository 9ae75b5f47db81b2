"""Every statement, built once; both faces of the store use these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ColumnElement

from tracker.filters import EventFilter
from tracker.projection import JobStatus
from tracker.store.rows import EVENT_COLUMNS
from tracker.store.tables import events, jobs, log_head, tokens, tombstones

_event_columns = [events.c[name] for name in EVENT_COLUMNS]

HEAD = select(log_head.c.position, log_head.c.horizon, log_head.c.epoch, log_head.c.projection_version)
ADVANCE_HEAD = update(log_head).values(position=log_head.c.position + bindparam("count")).returning(log_head.c.position)
JOB_STATE = select(jobs.c.state).where(jobs.c.job_id == bindparam("job_id"))
JOB_STATES = select(jobs.c.state).where(jobs.c.job_id.in_(bindparam("job_ids", expanding=True)))
PRUNED_IDS = select(tombstones.c.job_id).where(tombstones.c.job_id.in_(bindparam("job_ids", expanding=True)))
ACTIVE_STATES = select(jobs.c.state).where(jobs.c.status == "active").order_by(jobs.c.started_position)
EVENTS_BY_EVENT_ID = select(*_event_columns).where(events.c.event_id.in_(bindparam("event_ids", expanding=True)))
FIRST_EVENTS = select(*_event_columns).where(
    events.c.job_id.in_(bindparam("job_ids", expanding=True)), events.c.sequence == 1
)
EVENT_AT = select(*_event_columns).where(
    events.c.job_id == bindparam("job_id"), events.c.sequence == bindparam("sequence")
)
PAGE = (
    select(*_event_columns)
    .where(events.c.position > bindparam("after"))
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
# Ordered by sequence, which within a job is the order of position: the unique index then serves the query.
JOB_PAGE = (
    select(*_event_columns)
    .where(events.c.job_id == bindparam("job_id"), events.c.position > bindparam("after"))
    .order_by(events.c.sequence)
    .limit(bindparam("limit"))
)
TOKENS = select(tokens).order_by(tokens.c.created_at, tokens.c.token_id)
BY_JOB = select(*_event_columns).order_by(events.c.job_id, events.c.sequence)
DUE = (
    select(jobs.c.state)
    .where(jobs.c.completed_at < bindparam("finished_before"))
    .order_by(jobs.c.completed_at)
    .limit(bindparam("limit"))
)
UNEMPTIED = select(tombstones.c.job_id, tombstones.c.last_position).where(tombstones.c.emptied == 0)
COUNT_EVENTS = select(func.count()).where(events.c.job_id == bindparam("job_id"))
DELETE_JOBS = delete(jobs)
DELETE_JOB = delete(jobs).where(jobs.c.job_id == bindparam("job"))
DELETE_EVENTS = delete(events).where(
    events.c.position.in_(
        select(events.c.position)
        .where(events.c.job_id == bindparam("job"))
        .order_by(events.c.sequence)
        .limit(bindparam("limit"))
    )
)
MARK_EMPTIED = update(tombstones).where(tombstones.c.job_id == bindparam("job")).values(emptied=1)
RAISE_HORIZON = update(log_head).where(log_head.c.horizon < bindparam("to")).values(horizon=bindparam("to"))
SET_PROJECTION_VERSION = update(log_head).values(projection_version=bindparam("version"))


def page(wanted: EventFilter) -> Select[Any]:
    """A page of the log under a filter; bind ``after`` and ``limit``."""
    if len(wanted.channels) == 1 and wanted.job_ids:
        (job_id,) = wanted.job_ids
        return _narrowed(JOB_PAGE.params(job_id=job_id), wanted)
    passes: list[ColumnElement[bool]] = [events.c.type.in_(sorted(wanted.shared_types))]
    if wanted.job_ids:
        passes.append(events.c.job_id.in_(sorted(wanted.job_ids)))
    if wanted == EventFilter():
        return PAGE
    return _narrowed(PAGE.where(or_(*passes)), wanted)


def _narrowed(statement: Select[Any], wanted: EventFilter) -> Select[Any]:
    if wanted.types:
        statement = statement.where(events.c.type.in_(sorted(wanted.types)))
    return statement.where(_begins(events.c.job_id, wanted.job_prefixes)) if wanted.job_prefixes else statement


def _begins(column: ColumnElement[str], prefixes: Iterable[str]) -> ColumnElement[bool]:
    # Not LIKE, which on SQLite takes A for a.
    return or_(*[func.substr(column, 1, len(prefix)) == prefix for prefix in sorted(prefixes)])


def jobs_page(status: JobStatus | None, before: int | None, job_prefixes: frozenset[str] = frozenset()) -> Select[Any]:
    """Jobs, newest first; bind ``limit``."""
    statement = select(jobs.c.state).order_by(jobs.c.started_position.desc()).limit(bindparam("limit"))
    if job_prefixes:
        statement = statement.where(_begins(jobs.c.job_id, job_prefixes))
    if status is not None:
        statement = statement.where(jobs.c.status == status)
    if before is not None:
        statement = statement.where(jobs.c.started_position < before)
    return statement


def upsert_jobs(dialect: str) -> Insert:
    """Insert rows of ``jobs``, replacing those that are there."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(jobs)
    changed = {name: insert.excluded[name] for name in ("status", "position", "completed_at", "state")}
    return insert.on_conflict_do_update(index_elements=[jobs.c.job_id], set_=changed)
