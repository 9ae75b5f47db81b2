"""Whether a log is what it should be: looked at in one transaction, by nothing that wrote it.

The file itself, the triggers that protect it, positions and sequences without a gap, jobs and statistics that are the
fold of the events, tombstones that agree with both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select, text

from tracker.events import JobStarted, RecordedEvent
from tracker.projection import Job
from tracker.statistics import Key, fold_counting
from tracker.store import rows, statements, statistics_table
from tracker.store.rebuilding import events_by_job
from tracker.store.tables import events, jobs, log_head, statistics, tombstones

_AT_ONCE = 500
_TRIGGERS = {
    "sqlite": frozenset(
        {
            "events_are_immutable",
            "events_are_only_pruned",
            "tombstones_stay",
            "positions_only_grow",
            "audit_stays_update",
            "audit_stays_delete",
            "tokens_stay_revoked",
        }
    ),
    "postgresql": frozenset(
        {
            "events_are_immutable",
            "events_are_only_pruned",
            "events_stay_whole",
            "tombstones_stay",
            "tombstones_stay_whole",
            "positions_only_grow",
            "log_head_stay_whole",
            "audit_stays",
            "audit_stays_whole",
            "tokens_stay_revoked",
        }
    ),
}
_THOSE_THERE = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": text("SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"),
}
_SURROUNDED = select(
    events.c.position, func.lag(events.c.position, 1, 0).over(order_by=events.c.position).label("before")
).subquery()
_GAPS = (
    select(_SURROUNDED.c.before, _SURROUNDED.c.position)
    .where(_SURROUNDED.c.position > _SURROUNDED.c.before + 1)
    .order_by(_SURROUNDED.c.position)
)
_BURIED_ALIVE = select(tombstones.c.job_id).join(jobs, jobs.c.job_id == tombstones.c.job_id)
_NOT_EMPTY = select(events.c.job_id, func.count()).join(
    tombstones, (tombstones.c.job_id == events.c.job_id) & (tombstones.c.emptied == 1)
)
_BEYOND = select(tombstones.c.job_id, tombstones.c.last_position).where(
    tombstones.c.last_position > select(log_head.c.horizon).scalar_subquery()
)
_WITHOUT_EVENTS = select(jobs.c.job_id).where(jobs.c.job_id.not_in(select(events.c.job_id)))
_HOURS = select(statistics.c.measure, statistics.c.at, statistics.c.name, statistics.c.bucket, statistics.c.amount)


def faults(connection: Connection) -> Iterator[str]:
    """What is wrong with the log, in sentences; none if it is sound. Memory does not grow with the log.

    Raises:
        DBAPIError: If it cannot even be read.
    """
    yield from _damage(connection)
    yield from _protection(connection)
    yield from _gaps(connection)
    yield from _graves(connection)
    yield from _projection(connection)


def _damage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for said in connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars():
            if said != "ok":
                yield f"The file is damaged: {said}."


def _protection(connection: Connection) -> Iterator[str]:
    name = connection.dialect.name
    for trigger in sorted(_TRIGGERS[name] - set(connection.execute(_THOSE_THERE[name]).scalars())):
        yield f"The trigger {trigger} is missing: history can be changed."


def _gaps(connection: Connection) -> Iterator[str]:
    head = connection.execute(statements.HEAD).one()
    last = connection.execute(select(func.max(events.c.position))).scalar() or 0
    if last > head.position:
        yield f"There are events up to position {last}, but the log ends at {head.position}."
    elif last < head.position and head.position > head.horizon:
        yield f"The log ends at position {head.position}, but there are no events after {last}."
    # Up to the horizon there may be gaps: pruned jobs had their events there.
    for before, position in connection.execute(_GAPS.where(_SURROUNDED.c.position > head.horizon + 1)):
        missing = max(before, head.horizon) + 1
        yield f"Events are missing: from position {missing} to {position - 1}."


def _graves(connection: Connection) -> Iterator[str]:
    for job_id in connection.execute(_BURIED_ALIVE).scalars():
        yield f"Job {job_id!r} is pruned and there."
    for job_id, count in connection.execute(_NOT_EMPTY.group_by(events.c.job_id)):
        yield f"Job {job_id!r} was pruned whole, but {count} of its events are there."
    for job_id, position in connection.execute(_BEYOND):
        yield f"Job {job_id!r} is pruned up to position {position}, which is above the horizon."


def _projection(connection: Connection) -> Iterator[str]:
    counters: Counter[Key] = Counter()
    found = _folded(connection, counters)
    while chunk := list(islice(found, _AT_ONCE)):
        yield from (fault for _, _, faults in chunk for fault in faults)
        yield from _differing(connection, [(job_id, job) for job_id, job, _ in chunk])
    for job_id in connection.execute(_WITHOUT_EVENTS).scalars():
        yield f"Job {job_id!r} has no events."
    yield from _miscounted(connection, counters)


def _folded(connection: Connection, counters: Counter[Key]) -> Iterator[tuple[str, Job | None, list[str]]]:
    """Each job with the fold of its events, and what is wrong with these."""
    for job_id, own in events_by_job(connection):
        wrong: list[str] = []
        yield job_id, fold_counting(_checked(own, wrong), counters), wrong


def _checked(own: Iterable[RecordedEvent], wrong: list[str]) -> Iterator[RecordedEvent]:
    sequence = position = 0
    for event in own:
        if event.sequence != sequence + 1:
            wrong.append(f"Job {event.job_id!r} has sequence {event.sequence} after {sequence}.")
        if event.position <= position:
            wrong.append(f"Job {event.job_id!r} has position {event.position} after {position}.")
        if (event.sequence == 1) != (event.type == JobStarted.type):
            wrong.append(f"Job {event.job_id!r} has {event.type} as its event {event.sequence}.")
        sequence, position = event.sequence, event.position
        yield event


def _differing(connection: Connection, folded: Sequence[tuple[str, Job | None]]) -> Iterator[str]:
    wanted = select(jobs).where(jobs.c.job_id.in_([job_id for job_id, _ in folded]))
    there = {row[0]: tuple(row) for row in connection.execute(wanted)}
    for job_id, job in folded:
        if job_id not in there:
            yield f"Job {job_id!r} has events, and is not among the jobs."
        elif job is not None and there[job_id] != _row(job):
            yield f"Job {job_id!r} is not what its events say."


def _row(job: Job) -> tuple[Any, ...]:
    by_name = dict(zip(rows.JOB_COLUMNS, rows.job_row(job), strict=True))
    return tuple(by_name[column.name] for column in jobs.columns)


def _miscounted(connection: Connection, counters: Counter[Key]) -> Iterator[str]:
    kept = statistics_table.kept_through(connection)
    there = Counter(
        {
            Key(measure, at, name, bucket): amount
            for measure, at, name, bucket, amount in connection.execute(
                _HOURS.where(statistics.c.span == "hour", statistics.c.at > kept)
            )
        }
    )
    expected = Counter({key: amount for key, amount in counters.items() if key.hour > kept})
    wrong = [key for key in there.keys() | expected.keys() if there[key] != expected[key]]
    if wrong:
        yield f"{len(wrong)} counters of the statistics are not what the events say."
