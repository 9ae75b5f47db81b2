"""Events for tests, by their names."""

from __future__ import annotations

from typing import Any

from tracker.events import (
    AnyFact,
    ErrorReported,
    Event,
    JobCompleted,
    JobFailed,
    JobStarted,
    PhotoInfoSent,
    ProgressUpdated,
    StageCompleted,
)
from tracker.store.base import Append

SECOND = 1_000_000
NOON = 1_762_689_600 * SECOND  # 2025-11-09T12:00:00Z


def started(job_id: str = "job", *, event_id: str | None = None, **fields: Any) -> Event:
    return event(job_id, JobStarted(**{"photo_id": 456, **fields}), event_id)


def progressed(job_id: str = "job", progress: float = 25.0, *, event_id: str | None = None, **fields: Any) -> Event:
    return event(job_id, ProgressUpdated(**{"stage": "exif_analysis", "progress": progress, **fields}), event_id)


def stage_completed(job_id: str = "job", stage: str = "exif_analysis", **fields: Any) -> Event:
    return event(job_id, StageCompleted(stage=stage, **fields))


def photo_info(job_id: str = "job", **fields: Any) -> Event:
    return event(job_id, PhotoInfoSent(**fields))


def error(job_id: str = "job", **fields: Any) -> Event:
    return event(job_id, ErrorReported(**{"error_type": "io", "error_message": "lost", **fields}))


def completed(job_id: str = "job", *, event_id: str | None = None, **fields: Any) -> Event:
    return event(job_id, JobCompleted(**fields), event_id)


def failed(job_id: str = "job", **fields: Any) -> Event:
    return event(job_id, JobFailed(**fields))


def event(job_id: str, fact: AnyFact, event_id: str | None = None) -> Event:
    return Event.of(job_id, fact, event_id)


def appends(*events: Event, at: int = NOON) -> list[Append]:
    """One append for each event, a second apart."""
    return [Append((one,), at + index * SECOND) for index, one in enumerate(events)]
