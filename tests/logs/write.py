"""Writes the log of this version: ``python -m tests.logs.write VERSION``. Never writes over one that is there."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.builders import (
    NOON,
    SECOND,
    appends,
    completed,
    error,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tracker.messages import status
from tracker.projection import Job
from tracker.store import open_store
from tracker.store.base import EventStore

_FOLDER = Path(__file__).parent
_DAY = 24 * 3600 * SECOND
_EVENTS = [
    started("done", event_id="e-1", photo_info={"file_name": "Zoë.nef"}, occurred_at="2025-11-09T12:00:00Z"),
    started("own", stages=("wash", "dry"), photo_id=None),
    progressed("done", 12.5, event_id="e-2", message="Läuft “gut”", details={"camera": {"make": "X", "f": 2.8}}),
    stage_completed("done", result={"lens": "50 mm"}),
    photo_info("done", photo_data={"gps": [48.1, 11.6]}, photo_id="p-1"),
    progressed("own", 40, stage="dry", extra={"node": "n1"}),
    started("broken"),
    error("broken", error_details={"errno": 28}, stage="importing"),
    completed("done", event_id="e-3", result={"score": 4.2}),
    failed("broken", duration=1.5),
]


def statuses(store: EventStore, job_ids: list[str]) -> dict[str, dict[str, Any]]:
    """The status of jobs, each at its last event."""
    jobs: list[Job] = [store.writer.load_job(job_id) for job_id in job_ids]
    return {job.job_id: status(job, job.updated_at) for job in jobs}


def write(version: str) -> None:
    """Write the log and what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.db")
        store = open_store(f"sqlite:///{path.as_posix()}")
        store.writer.append(appends(started("old"), completed("old"), at=NOON - _DAY))
        store.writer.prune(NOON - SECOND, NOON, 1000)
        store.writer.append(appends(*_EVENTS))
        found = statuses(store, ["done", "own", "broken"])
        store.close()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        with (_FOLDER / f"{version}.db.gz").open("xb") as file:
            file.write(gzip.compress(path.read_bytes(), mtime=0))
    (_FOLDER / f"{version}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
