"""Large logs, each built once a run: past the recorder, and folded by the store."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracker.store.sqlite import SqliteStore
from tracker.times import MICROSECONDS, now

EVENTS_A_JOB = 50
_BEGIN = now() - 3600 * MICROSECONDS  # not so long ago that it would be pruned
_STARTED = '{"photo_id":456,"photo_info":{"file_name":"IMG_0042.CR3"}}'
_PROGRESS = '{"photo_id":456,"stage":"exif_analysis","progress":25.0,"message":"Reading","details":{"iso":800}}'
_COMPLETED = '{"photo_id":456,"success":true,"result":{"score":4.2},"duration":5.2,"stages_completed":[]}'
_folder = tempfile.TemporaryDirectory(prefix="jobreel-bench-logs-")


def large_log(count: int, events_a_job: int = EVENTS_A_JOB) -> Path:
    """A log of so many events; not to be written. The processes of one run share it."""
    path = Path(_folder.name) / f"{count}-{events_a_job}.db"
    if not path.exists():
        build(path, count, events_a_job)
    return path


def build(path: Path, count: int, events_a_job: int = EVENTS_A_JOB) -> None:
    """Build such a log at a path; it is there when it is whole."""
    draft = path.with_suffix(".draft")
    SqliteStore(draft).close()
    connection = sqlite3.connect(draft)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", _events(count, events_a_job))
    connection.execute("UPDATE log_head SET position = ?, projection_version = 0", (count,))
    connection.commit()
    connection.close()
    SqliteStore(draft).close()  # folds it
    draft.rename(path)


def _events(count: int, events_a_job: int) -> Iterator[tuple[object, ...]]:
    for index in range(count):
        job, step = divmod(index, events_a_job)
        kind, payload = "job_progress", _PROGRESS
        if step == 0:
            kind, payload = "job_started", _STARTED
        elif step == events_a_job - 1:
            kind, payload = "job_completed", _COMPLETED
        yield index + 1, f"job_{job}", step + 1, kind, _BEGIN + index * 1000, None, payload
