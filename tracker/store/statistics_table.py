"""The table of counters: written in the transaction of the events that are counted, read in windows.

Counters lie there by the hour, and those of durations by the day as well, so that a month is read in thirty steps. The
counters of a job stay when it is pruned. Its events are gone then, so counting anew leaves the hours up to its end as
they are (``kept_through``) and counts those after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Dialect,
    Integer,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from tracker.projection import Job
from tracker.statistics import HOUR, STATISTICS_VERSION, Key, Measure
from tracker.statistics_query import GroupBy, StatisticsQuery
from tracker.store.bulk import bulk_insert
from tracker.store.tables import statistics, statistics_head

COLUMNS = ("measure", "span", "at", "name", "bucket", "amount")
_BY_THE_DAY: tuple[Measure, ...] = ("stage", "job")
_MEASURES: dict[GroupBy | None, tuple[Measure, ...]] = {
    None: ("event", "error", "stage_error", "stage", "job"),
    "stage": ("stage_error", "stage"),
    "status": ("job",),
    "hour": ("event",),
    "error_type": ("error",),
}
_HOURS_A_DAY = 24
_Range: TypeAlias = tuple[str, int | None, int | None]

VERSION = select(statistics_head.c.version)
_KEPT_THROUGH = select(statistics_head.c.kept_through)
_KEEP = (
    update(statistics_head)
    .where(func.coalesce(statistics_head.c.kept_through, -1) < bindparam("hour"))
    .values(kept_through=bindparam("hour"))
)
_FORGET_HOURS = delete(statistics).where(statistics.c.span == "hour", statistics.c.at > bindparam("kept"))
_FORGET_DAYS = delete(statistics).where(statistics.c.span == "day")
FIRST_HOUR = select(func.min(statistics.c.at)).where(statistics.c.measure == "event", statistics.c.span == "hour")


class StatisticsTable:
    """Writes the counters, on the connection of the one who records."""

    def __init__(self, dialect: Dialect) -> None:
        self._upsert = bulk_insert(_upsert(dialect.name), COLUMNS, dialect)

    def add(self, connection: Connection, counters: Mapping[Key, int]) -> None:
        """Add up what a batch counted: one statement."""
        self._upsert.execute(connection, [*_hour_rows(counters), *_day_rows(counters)])

    def begin_anew(self, connection: Connection) -> int:
        """Forget what will be counted anew; returns the last hour that stays as it is, -1 if none does."""
        kept = kept_through(connection)
        connection.execute(_FORGET_DAYS)
        connection.execute(_FORGET_HOURS, {"kept": kept})
        return kept

    def add_anew(self, connection: Connection, counters: Counter[Key], kept: int) -> None:
        """Add what was counted anew in the hours after ``kept``, and empty ``counters``."""
        fresh = Counter({key: amount for key, amount in counters.items() if key.hour > kept})
        self._upsert.execute(connection, list(_hour_rows(fresh)))
        counters.clear()

    def end_anew(self, connection: Connection) -> None:
        """Add up the days, and note the version."""
        connection.execute(_sum_days())
        begin(connection)


def kept_through(connection: Connection) -> int:
    """The last hour of which events are gone, so that it cannot be counted anew; -1 if there is none."""
    kept: int | None = connection.execute(_KEPT_THROUGH).scalar()
    return -1 if kept is None else kept


def begin(connection: Connection) -> None:
    """Note that the counters are those of this version."""
    if connection.execute(VERSION).first() is None:
        connection.execute(insert(statistics_head), {"id": 1, "version": STATISTICS_VERSION})
    else:
        connection.execute(update(statistics_head), {"version": STATISTICS_VERSION})


def keep(connection: Connection, pruned: Sequence[Job]) -> None:
    """Note that events of these jobs will be gone: their hours are not counted anew."""
    last = max(max(job.started_at, job.updated_at, job.completed_at or 0) for job in pruned)
    connection.execute(_KEEP, {"hour": last // HOUR})


def window(query: StatisticsQuery) -> list[Select[Any]]:
    """The statements that together give the counters of a query, as rows of a key and an amount."""
    measures = _MEASURES[query.group_by]
    plain = [measure for measure in measures if measure not in _BY_THE_DAY]
    long = [measure for measure in measures if measure in _BY_THE_DAY]
    hours: _Range = ("hour", query.since, query.until)
    counted = [_sums(plain, hours, query.group_by == "hour")] if plain else []
    return counted + [_sums(long, one) for one in _ranges(query.since, query.until) if long]


def event_types(until: int | None) -> Select[Any]:
    """How many events of each type there were before an hour."""
    sums = select(statistics.c.name, func.sum(statistics.c.amount)).group_by(statistics.c.name)
    return _within(sums.where(statistics.c.measure == "event"), ("hour", None, until))


def _ranges(since: int | None, until: int | None) -> Iterator[_Range]:
    """Whole days, and the hours before and after them."""
    first = None if since is None else -(-since // _HOURS_A_DAY)
    end = None if until is None else until // _HOURS_A_DAY
    if first is not None and end is not None and first >= end:
        yield "hour", since, until
        return
    yield "day", first, end
    if first is not None:
        yield "hour", since, first * _HOURS_A_DAY
    if end is not None:
        yield "hour", end * _HOURS_A_DAY, until


def _sums(measures: Sequence[Measure], within: _Range, is_by_hour: bool = False) -> Select[Any]:
    at = statistics.c.at if is_by_hour else literal(0)
    key = [statistics.c.measure, at, statistics.c.name, statistics.c.bucket]
    grouped = [column for column in key if is_by_hour or column is not at]
    sums = select(*key, func.sum(statistics.c.amount)).where(statistics.c.measure.in_(measures))
    return _within(sums.group_by(*grouped), within)


def _within(statement: Select[Any], within: _Range) -> Select[Any]:
    span, since, until = within
    statement = statement.where(statistics.c.span == span)
    if since is not None:
        statement = statement.where(statistics.c.at >= since)
    return statement if until is None else statement.where(statistics.c.at < until)


def _hour_rows(counters: Mapping[Key, int]) -> Iterator[tuple[Any, ...]]:
    for (measure, hour, name, bucket), amount in counters.items():
        yield measure, "hour", hour, name, bucket, amount


def _day_rows(counters: Mapping[Key, int]) -> Iterator[tuple[Any, ...]]:
    days: dict[tuple[Measure, int, str, int], int] = {}
    for (measure, hour, name, bucket), amount in counters.items():
        if measure in _BY_THE_DAY:
            key = measure, hour // _HOURS_A_DAY, name, bucket
            days[key] = days.get(key, 0) + amount
    # Each once: PostgreSQL refuses a statement that changes a row twice.
    for (measure, day, name, bucket), amount in days.items():
        yield measure, "day", day, name, bucket, amount


def _upsert(dialect: str) -> Insert:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(statistics)
    key = [statistics.c[name] for name in COLUMNS[:-1]]
    added = statistics.c.amount + statement.excluded.amount
    return statement.on_conflict_do_update(index_elements=key, set_={"amount": added})


def _sum_days() -> Insert:
    day = statistics.c.at // literal_column(str(_HOURS_A_DAY), Integer)
    key = [statistics.c.measure, literal("day"), day, statistics.c.name, statistics.c.bucket]
    days = select(*key, func.sum(statistics.c.amount)).where(
        statistics.c.span == "hour", statistics.c.measure.in_(_BY_THE_DAY)
    )
    grouped = days.group_by(statistics.c.measure, day, statistics.c.name, statistics.c.bucket)
    return insert(statistics).from_select(COLUMNS, grouped)
