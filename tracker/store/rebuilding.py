"""Folding the whole log into ``jobs`` anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice

from sqlalchemy import Connection

from tracker.projection import PROJECTION_VERSION, Job, fold
from tracker.store import rows, statements
from tracker.store.bulk import BulkInsert

_JOBS_A_STATEMENT = 500


def rebuild(connection: Connection, upsert_jobs: BulkInsert) -> int:
    """Replace every row of ``jobs`` by the fold of the job's events; returns how many there are.

    Reads job by job, so memory does not grow with the log.
    """
    connection.execute(statements.DELETE_JOBS)
    count = 0
    folded = folded_jobs(connection)
    while chunk := [rows.job_row(job) for job in islice(folded, _JOBS_A_STATEMENT)]:
        upsert_jobs.execute(connection, chunk)
        count += len(chunk)
    connection.execute(statements.SET_PROJECTION_VERSION, {"version": PROJECTION_VERSION})
    return count


def folded_jobs(connection: Connection) -> Iterator[Job]:
    """Every job that the log tells of, folded from its events; pruned jobs whose events linger are left out."""
    pruned = {job_id for job_id, _ in connection.execute(statements.UNEMPTIED)}
    result = connection.execution_options(yield_per=1000).execute(statements.BY_JOB)
    for job_id, events in groupby(map(rows.recorded_event, result), key=lambda event: event.job_id):
        job = fold(events)
        if job is not None and job_id not in pruned:
            yield job
