"""A log as it lies on the disk, read without the tracker's writer, and what must be true of it."""

from __future__ import annotations

import sqlite3
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from tracker.events import RecordedEvent
from tracker.projection import Job, fold
from tracker.store.rows import EVENT_COLUMNS


def events(path: Path) -> list[RecordedEvent]:
    """All of them, by position."""
    rows = _rows(path, f"SELECT {', '.join(EVENT_COLUMNS)} FROM events ORDER BY position")
    return [RecordedEvent(*row) for row in rows]


def jobs(path: Path) -> dict[str, Job]:
    """The rows of ``jobs``."""
    return {
        job_id: msgspec.json.decode(state, type=Job) for job_id, state in _rows(path, "SELECT job_id, state FROM jobs")
    }


def raw_jobs(path: Path) -> list[Any]:
    """The rows of ``jobs`` as they lie there."""
    return _rows(path, "SELECT * FROM jobs ORDER BY job_id")


def faults(path: Path, acknowledged: set[int]) -> list[str]:
    """What is wrong with a log of which these positions were acknowledged; nothing, if all is well."""
    found = events(path)
    positions = [event.position for event in found]
    problems = []
    if missing := sorted(acknowledged - set(positions)):
        problems.append(f"acknowledged and gone: {missing[:5]}")
    if positions != list(range(1, len(positions) + 1)):
        problems.append("positions have a gap")
    if _rows(path, "SELECT position FROM log_head") != [(positions[-1] if positions else 0,)]:
        problems.append("the head is not the last position")
    by_job = {
        job_id: fold(sorted(mine, key=lambda event: event.sequence))
        for job_id, mine in groupby(sorted(found, key=lambda event: event.job_id), key=lambda event: event.job_id)
    }
    if by_job != jobs(path):
        problems.append("jobs is not the fold of the events")
    if _rows(path, "PRAGMA integrity_check") != [("ok",)]:
        problems.append("the file is damaged")
    return problems


def _rows(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
