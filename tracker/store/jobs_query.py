"""The list of jobs under filters, as statements: filtered, sorted, paged and counted by the indexes of ``jobs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from tracker.job_query import JobQuery, Place
from tracker.store import job_texts
from tracker.store.rows import error_type_line
from tracker.store.statements import begins
from tracker.store.tables import jobs

_SORTED: dict[str, ColumnElement[Any]] = {
    "started": jobs.c.started_at,
    "updated": jobs.c.updated_at,
    "completed": jobs.c.completed_at,
    "duration": jobs.c.duration,
}


def page(query: JobQuery, after: Place | None, limit: int, dialect: str) -> Select[Any]:
    """The states of the first ``limit`` jobs behind ``after``."""
    name, is_descending = query.sort.removeprefix("-"), query.sort.startswith("-")
    order = (_SORTED[name], jobs.c.started_position)
    statement = select(jobs.c.state).where(*_conditions(query, dialect)).limit(limit)
    if after is not None:
        statement = statement.where(_behind(order, after, is_descending))
    return statement.order_by(*[column.desc() if is_descending else column for column in order])


def total(query: JobQuery, dialect: str) -> Select[Any]:
    """How many jobs there are."""
    return select(func.count()).select_from(jobs).where(*_conditions(query, dialect))


def _behind(order: tuple[ColumnElement[Any], ...], after: Place, is_descending: bool) -> ColumnElement[bool]:
    value, position = order
    if is_descending:
        beyond, next_to = value < after.value, position < after.started_position
        bound = value <= after.value
    else:
        beyond, next_to = value > after.value, position > after.started_position
        bound = value >= after.value
    # The bound is implied by the rest; it is what the index is entered by.
    return and_(bound, or_(beyond, next_to))


def _conditions(query: JobQuery, dialect: str) -> Iterator[ColumnElement[bool]]:
    yield from _lasting(query)
    changing = list(_changing(query, dialect))
    if query.as_of is None:
        yield from changing
        return
    # What has changed since was something else then: it is folded, and filtered by who asked.
    yield jobs.c.started_position <= query.as_of
    yield or_(jobs.c.position > query.as_of, and_(True, *changing))


def _lasting(query: JobQuery) -> Iterator[ColumnElement[bool]]:
    if query.job_prefixes:
        yield begins(jobs.c.job_id, query.job_prefixes)
    if query.photo_id is not None:
        yield jobs.c.photo_id == query.photo_id
    if query.since is not None:
        yield jobs.c.started_at >= query.since
    if query.until is not None:
        yield jobs.c.started_at < query.until


def _changing(query: JobQuery, dialect: str) -> Iterator[ColumnElement[bool]]:
    is_by_start = query.sort in ("started", "-started")
    if query.status is not None:
        yield _entered(jobs.c.status, is_by_start) == query.status
    if query.stage is not None:
        yield _entered(jobs.c.stage, is_by_start) == query.stage
    if query.error_type is not None:
        yield jobs.c.error_types.is_not(None)
        yield job_texts.place_of(error_type_line(query.error_type), jobs.c.error_types, dialect) > 0
    if query.text is not None:
        yield jobs.c.started_position.in_(_found(query.text, dialect))
    if query.sort.removeprefix("-") in ("completed", "duration"):
        yield _SORTED[query.sort.removeprefix("-")].is_not(None)


def _entered(column: ColumnElement[str], is_by_start: bool) -> ColumnElement[str]:
    # The indexes of status and stage go on by the start. In another order they would give every job of a status to be
    # sorted: the index of that order is walked instead, which an expression leaves the planner no choice about.
    return column if is_by_start else column.concat("")


def _found(text: str, dialect: str) -> Any:
    # The message of an active job changes with every call: it is looked for in the few jobs that are active.
    active = select(jobs.c.started_position).where(
        jobs.c.status == "active", job_texts.place_of(text, jobs.c.message, dialect) > 0
    )
    return union(job_texts.found(text, dialect), active)
