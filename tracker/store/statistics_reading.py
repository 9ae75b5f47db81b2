"""Reading the counters: of a window, and as they were at an earlier position.

What was counted up to a position is what is counted now, less what the events above it added. Those are all still
there as long as the position is not below the horizon, as pruning takes whole jobs.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select

from tracker.errors import InvalidQuery
from tracker.events import RecordedEvent
from tracker.statistics import HOUR, Key, count, open_jobs
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.store import rows, statements, statistics_table
from tracker.store.tables import events

MAX_LATER = 20_000
_MAX_FOLDED = 50_000

_LATER_JOBS = (
    select(*[events.c[name] for name in rows.EVENT_COLUMNS])
    .where(events.c.job_id.in_(select(events.c.job_id).where(events.c.position > bindparam("position"))))
    .order_by(events.c.job_id, events.c.sequence)
    .limit(_MAX_FOLDED + 1)
)


class Found(Struct, frozen=True):
    """What one snapshot of the log holds for a query; ``later``: the jobs with events above ``position``, whole."""

    counters: Counter[Key]
    types: Counter[str]
    position: int
    first_hour: int | None
    last_hour: int
    later: list[RecordedEvent]


def find(connection: Connection, query: StatisticsQuery, now: int, position: int | None) -> Found:
    """Read what the query needs, in the connection's transaction; see :meth:`tracker.store.base.Reader.statistics`."""
    head = connection.execute(statements.HEAD).one()
    later: list[RecordedEvent] = []
    if position is not None:
        _demand_near(position, head.position, head.horizon)
        later = _later(connection, position)
    counters: Counter[Key] = Counter()
    for statement in statistics_table.window(query):
        for *key, amount in connection.execute(statement):
            counters[Key(*key)] += int(amount)
    types = Counter(
        {name: int(amount) for name, amount in connection.execute(statistics_table.event_types(query.until))}
    )
    first: int | None = connection.execute(statistics_table.FIRST_HOUR).scalar()
    return Found(counters, types, head.position if position is None else position, first, now // HOUR, later)


def tally(query: StatisticsQuery, found: Found) -> Tally:
    """What was found, less what came after the position. May take a second: not for the event loop."""
    for key, amount in count(found.later, found.position).items():
        if key.measure == "event" and _is_before(key.hour, query.until):
            found.types[key.name] -= amount
        if _is_before(key.hour, query.until) and (query.since is None or key.hour >= query.since):
            found.counters[key if query.group_by == "hour" else key._replace(hour=0)] -= amount
    end = found.last_hour + 1 if query.until is None else min(query.until, found.last_hour + 1)
    first = end if found.first_hour is None else found.first_hour
    first = first if query.since is None else max(first, query.since)
    return Tally(+found.counters, open_jobs(found.types), found.position, first, end)


def _is_before(hour: int, until: int | None) -> bool:
    return until is None or hour < until


def _demand_near(position: int, head: int, horizon: int) -> None:
    if position < horizon:
        raise InvalidQuery("as_of", position, f"is below the horizon {horizon}: events after it were pruned")
    if head - position > MAX_LATER:
        raise _too_far(position)


def _later(connection: Connection, position: int) -> list[RecordedEvent]:
    found = connection.execute(_LATER_JOBS, {"position": position}).all()
    if len(found) > _MAX_FOLDED:
        raise _too_far(position)
    return [rows.recorded_event(row) for row in found]


def _too_far(position: int) -> InvalidQuery:
    problem = f"is more than {MAX_LATER:,} events before the end of the log: ask with until, which goes by whole hours"
    return InvalidQuery("as_of", position, problem)
