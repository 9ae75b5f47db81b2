"""Every statement, built once; both faces of the store use these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from tracker.filters import EventFilter
from tracker.projection import JobStatus
from tracker.store.rows import EVENT_COLUMNS, JOB_COLUMNS
from tracker.store.tables import events, jobs, log_head, tokens, tombstones


class _PlaceOf(FunctionElement[int]):
    """Where a text has another in it, from 1; 0 for nowhere."""

    name = "instr"
    type = Integer()
    inherit_cache = True


@compiles(_PlaceOf)
def _instr(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr{compiler.process(element.clause_expr, **options)}"


@compiles(_PlaceOf, "postgresql")
def _strpos(element: _PlaceOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos{compiler.process(element.clause_expr, **options)}"


def _is_in_stage() -> ColumnElement[bool]:
    # A payload is text that Event.of() encoded: photo_id, occurred_at and extra come before `stage`, details after it.
    # Most that repeat a stage begin as another one did, up to the stage: nothing is as cheap as comparing that.
    payload = events.c.payload
    begins_alike = and_(payload >= bindparam("low"), payload < bindparam("high"))
    # Where the producer's clock stands before it, the stage is looked for. In a string a quotation mark has a backslash
    # before it, so the first "stage": is the event's own, unless there is an extra.
    place = _PlaceOf(payload, '"stage":')
    said = func.substr(payload, place, func.length(bindparam("stage")))
    has_extra = _PlaceOf(func.substr(payload, 1, place), '"extra":') > 0
    return or_(begins_alike, and_(said == bindparam("stage"), ~has_extra))


_KEPT_FROM_START = frozenset({"job_id", "started_position", "photo_id", "started_at"})
_MOVED_BY_PROGRESS = ("position", "updated_at", "message", "state")
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
# By sequence, where JOB_PAGE goes by position: each page begins in the index where the one before it ended.
JOB_STEPS = (
    select(events.c.position, events.c.sequence, events.c.type, events.c.recorded_at, events.c.payload)
    .where(
        events.c.job_id == bindparam("job_id"),
        events.c.sequence > bindparam("after"),
        events.c.sequence <= bindparam("through"),
        or_(
            events.c.type != "job_progress",
            events.c.sequence % bindparam("every") == 0,
            ~_is_in_stage(),
        ),
    )
    .order_by(events.c.sequence)
    .limit(bindparam("limit"))
)
FIRST_AT = select(func.min(events.c.position)).where(events.c.recorded_at >= bindparam("moment"))
TOMBSTONES = select(tombstones.c.job_id, tombstones.c.pruned_at, tombstones.c.last_position).order_by(
    tombstones.c.job_id
)
SET_HEAD = update(log_head).values(
    position=bindparam("to"), horizon=bindparam("at_horizon"), epoch=bindparam("as_epoch")
)
SET_EPOCH = update(log_head).values(epoch=bindparam("as_epoch"))
REPLACE_EPOCH = SET_EPOCH.where(log_head.c.epoch == bindparam("instead_of"))
# The whole life of a job, page by page in the index.
JOB_LIFE = (
    select(*_event_columns)
    .where(events.c.job_id == bindparam("job_id"), events.c.sequence > bindparam("after"))
    .order_by(events.c.sequence)
    .limit(bindparam("limit"))
)
RECORDED_AT = (
    select(events.c.position, events.c.recorded_at)
    .where(events.c.position <= bindparam("position"))
    .order_by(events.c.position.desc())
    .limit(1)
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
DELETE_BURIED = delete(jobs).where(jobs.c.job_id.in_(bindparam("job_ids", expanding=True)))
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


def whole_jobs(job_ids: Sequence[str], first: int, last: int) -> Select[Any]:
    """Events up to ``last`` of jobs that have one from ``first`` on: of these jobs, or (none named) of all."""
    lingering = select(tombstones.c.job_id).where(tombstones.c.emptied == 0)
    statement = select(*_event_columns).where(events.c.position <= last, events.c.job_id.not_in(lingering))
    if job_ids:
        statement = statement.where(events.c.job_id.in_(sorted(set(job_ids))))
    if first > 1:
        heard_of = events.alias()
        window = select(heard_of.c.job_id).where(heard_of.c.position >= first, heard_of.c.position <= last)
        statement = statement.where(events.c.job_id.in_(window))
    return statement.order_by(events.c.position)


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
    return statement.where(begins(events.c.job_id, wanted.job_prefixes)) if wanted.job_prefixes else statement


def begins(column: ColumnElement[str], prefixes: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column begins with one of the prefixes."""
    # Not LIKE, which on SQLite takes A for a.
    return or_(*[func.substr(column, 1, len(prefix)) == prefix for prefix in sorted(prefixes)])


def jobs_page(status: JobStatus | None, before: int | None, job_prefixes: frozenset[str] = frozenset()) -> Select[Any]:
    """Jobs, newest first; bind ``limit``."""
    statement = select(jobs.c.state).order_by(jobs.c.started_position.desc()).limit(bindparam("limit"))
    if job_prefixes:
        statement = statement.where(begins(jobs.c.job_id, job_prefixes))
    if status is not None:
        statement = statement.where(jobs.c.status == status)
    if before is not None:
        statement = statement.where(jobs.c.started_position < before)
    return statement


def finished_jobs(job_prefixes: frozenset[str] = frozenset()) -> Select[Any]:
    """Jobs that ended well at ``since`` or later, the last one first; bind ``since`` and ``limit``."""
    # Not by the index of status, which most jobs share: all of them would be sorted.
    is_good = jobs.c.status.concat("") == "completed"
    statement = select(jobs.c.state).where(jobs.c.completed_at >= bindparam("since"), is_good)
    if job_prefixes:
        statement = statement.where(begins(jobs.c.job_id, job_prefixes))
    return statement.order_by(jobs.c.completed_at.desc()).limit(bindparam("limit"))


def upsert_jobs(dialect: str) -> Insert:
    """Insert rows of ``jobs``, replacing those that are there."""
    return _upsert_jobs(dialect, *(name for name in JOB_COLUMNS if name not in _KEPT_FROM_START))


def advance_jobs(dialect: str) -> Insert:
    """The same for jobs that are there, and took progress in the stage they were in and nothing else."""
    return _upsert_jobs(dialect, *_MOVED_BY_PROGRESS)


def _upsert_jobs(dialect: str, *changed: str) -> Insert:
    # What does not change is not named: SQLite writes the indexes of every column that is, whatever its value.
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(jobs)
    values = {name: insert.excluded[name] for name in changed}
    return insert.on_conflict_do_update(index_elements=[jobs.c.job_id], set_=values)
