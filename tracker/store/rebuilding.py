"""Folding the whole log into ``jobs`` anew, and counting it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice

from sqlalchemy import Connection

from tracker.events import RecordedEvent
from tracker.projection import PROJECTION_VERSION, Job
from tracker.statistics import Key, fold_counting
from tracker.store import job_texts, rows, statements
from tracker.store.bulk import Bulk
from tracker.store.job_texts import JobTexts
from tracker.store.statistics_table import StatisticsTable

_JOBS_A_STATEMENT = 500


def rebuild(connection: Connection, upsert_jobs: Bulk, texts: JobTexts, statistics: StatisticsTable) -> int:
    """Replace every row of ``jobs`` by the fold of the job's events; returns how many there are.

    The statistics are counted on the way; see :mod:`tracker.store.statistics_table` for the hours that stay.

    Reads job by job, so memory does not grow with the log.
    """
    connection.execute(statements.DELETE_JOBS)
    job_texts.forget(connection)
    kept = statistics.begin_anew(connection)
    count = 0
    counters: Counter[Key] = Counter()
    folded = folded_jobs(connection, counters)
    while chunk := list(islice(folded, _JOBS_A_STATEMENT)):
        upsert_jobs.execute(connection, list(map(rows.job_row, chunk)))
        texts.write(connection, chunk)
        statistics.add_anew(connection, counters, kept)
        count += len(chunk)
    statistics.end_anew(connection)
    connection.execute(statements.SET_PROJECTION_VERSION, {"version": PROJECTION_VERSION})
    return count


def folded_jobs(connection: Connection, counters: Counter[Key]) -> Iterator[Job]:
    """Every job that the log tells of, folded from its events and counted."""
    for _, events in events_by_job(connection):
        job = fold_counting(events, counters)
        if job is not None:
            yield job


def events_by_job(connection: Connection) -> Iterator[tuple[str, Iterator[RecordedEvent]]]:
    """The events of each job, in their order; pruned jobs that linger are left out."""
    pruned = {job_id for job_id, _ in connection.execute(statements.UNEMPTIED)}
    # Of this statement alone: the connection's other ones go on meanwhile.
    result = connection.execute(statements.BY_JOB, execution_options={"yield_per": 1000})
    for job_id, events in groupby(map(rows.recorded_event, result), key=lambda event: event.job_id):
        if job_id not in pruned:
            yield job_id, events
