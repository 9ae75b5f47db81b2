"""A log in memory: events become recorded ones by the tracker's own rules, without a store."""

from __future__ import annotations

from tests.builders import NOON, SECOND
from tracker.admission import admit
from tracker.events import Event, RecordedEvent
from tracker.projection import Job, apply


def recorded(*events: Event, at: int = NOON, after: int = 0) -> list[RecordedEvent]:
    """The events as a log records them from position ``after`` + 1 on, a second apart."""
    jobs: dict[str, Job] = {}
    rows: list[RecordedEvent] = []
    for index, event in enumerate(events):
        job = jobs.get(event.job_id)
        time = at + index * SECOND
        payload, _ = admit(job, event, time)
        sequence = 1 if job is None else job.sequence + 1
        row = RecordedEvent(after + index + 1, event.job_id, sequence, event.type, time, event.event_id, payload)
        rows.append(row)
        jobs[event.job_id] = present(apply(job, row))
    return rows


def present(job: Job | None) -> Job:
    """The job that there must be."""
    assert job is not None
    return job
