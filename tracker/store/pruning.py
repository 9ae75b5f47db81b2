"""Removing whole jobs, a bounded step at a time.

A job first gets its tombstone and leaves ``jobs``: from that commit on it is pruned for everybody, and the horizon is
past it. Its events follow, in as many steps as it takes; a tombstone that is not yet emptied is taken up again after
a restart.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert

from tracker.store import job_texts, rows, statements, statistics_table
from tracker.store.base import Pruned
from tracker.store.tables import tombstones

JOBS_A_STEP = 100


def prune_step(connection: Connection, finished_before: int, now: int, max_events: int) -> Pruned:
    """Remove at most ``max_events`` events and bury at most 100 jobs; times in microseconds UTC."""
    left = max_events - _empty(connection, max_events)
    buried = 0
    if left:
        buried = _bury(connection, finished_before, now)
        left -= _empty(connection, left)
    waiting = connection.execute(statements.UNEMPTIED).first() is not None
    done = not waiting and buried < JOBS_A_STEP
    return Pruned(jobs=buried, events=max_events - left, done=done)


def _bury(connection: Connection, finished_before: int, now: int) -> int:
    due = {"finished_before": finished_before, "limit": JOBS_A_STEP}
    # A job that another node is writing to, or burying, is left to the next step: waiting for it could be for ever.
    free = statements.DUE.with_for_update(skip_locked=True)
    found = [rows.job(state) for state in connection.execute(free, due).scalars()]
    if found:
        buried = [
            {"job_id": job.job_id, "pruned_at": now, "last_position": job.position, "emptied": 0} for job in found
        ]
        connection.execute(insert(tombstones), buried)
        connection.execute(statements.DELETE_BURIED, {"job_ids": [job.job_id for job in found]})
        # The head first, behind the jobs, as whoever records does: two that hold what the other wants wait for ever.
        connection.execute(statements.RAISE_HORIZON, {"to": max(job.position for job in found)})
        job_texts.forget(connection, found)
        statistics_table.keep(connection, found)
    return len(found)


def _empty(connection: Connection, limit: int) -> int:
    removed = 0
    for job_id, _ in connection.execute(statements.UNEMPTIED).all():
        room = {"job": job_id, "limit": limit - removed}
        removed += connection.execute(statements.DELETE_EVENTS, room).rowcount
        if removed >= limit:
            break
        connection.execute(statements.MARK_EMPTIED, {"job": job_id})
    return removed
