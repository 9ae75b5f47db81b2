"""What clients are sent: the message of an event, its channels, and the status of a job.

The stored payload is spliced into the message as it is; nothing is decoded on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import asdict

from tracker.admission import stages_completed
from tracker.eta import Estimate, History, Reason
from tracker.events import FACTS, Event, JobStarted, PhotoInfoSent, RecordedEvent
from tracker.projection import Job, elapsed_seconds
from tracker.times import DIGITS, MICROSECONDS, iso, iso_second

JOBS = "jobs"
PHOTOS = "photos"
SYSTEM = "system"
JOB_PREFIX = "job:"

_encode = msgspec.json.Encoder().encode


def channel(event_type: str) -> str:
    """The one channel that an event is at home in."""
    return PHOTOS if event_type == PhotoInfoSent.type else JOBS


SHARED_CHANNELS: dict[str, tuple[str, ...]] = {
    name: (JOBS, PHOTOS) if name == JobStarted.type else (channel(name),) for name in FACTS
}


def channels(event_type: str, job_id: str) -> tuple[str, ...]:
    """Every channel that carries an event."""
    return *SHARED_CHANNELS[event_type], JOB_PREFIX + job_id


def message_text(event: RecordedEvent, prev: int | None = None) -> str:
    """The public message of an event as JSON text.

    ``prev``, on streams, is the position of the event before it under the subscription's filter.
    """
    return message_texts((event,), prev)[0]


def message_texts(events: Sequence[RecordedEvent], prev: int | None = None) -> list[str]:
    """The messages of events that follow each other under a filter; ``prev`` is that of the first, None for none."""
    # One loop with all that can be kept at hand: this is where a server that streams spends most of its time. The time
    # is that of iso(), whose seconds are mostly those of the event before.
    texts: list[str] = []
    before = second = ""
    known = None
    for event in events:
        event_id = "" if event.event_id is None else f',"event_id":{_encode(event.event_id).decode()}'
        if prev is not None:
            before, prev = f',"prev":{prev}', event.position
        seconds, rest = divmod(event.recorded_at, MICROSECONDS)
        if seconds != known:
            known, second = seconds, iso_second(seconds)
        texts.append(
            f'{_beginning(event.type, event.job_id)}{event.payload[1:-1]}{event_id},"timestamp":"'
            f'{second}.{DIGITS[rest // 1000]}{DIGITS[rest % 1000]}Z",'
            f'"position":{event.position},"sequence":{event.sequence}{before}}}'
        )
    return texts


def event_text(event: Event, reported_at: int) -> bytes:
    """The message that has an event recorded, as JSON; ``reported_at``, in microseconds UTC, is its ``timestamp``."""
    event_id = "" if event.event_id is None else f',"event_id":{_encode(event.event_id).decode()}'
    return (
        f'{_beginning(event.type, event.job_id)}{event.payload[1:-1]}{event_id},"timestamp":"{iso(reported_at)}"}}'
    ).encode()


@lru_cache(maxsize=4096)
def _beginning(event_type: str, job_id: str) -> str:
    return f'{{"type":"{event_type}","job_id":{_encode(job_id).decode()},'


def message(event: RecordedEvent) -> dict[str, Any]:
    """The same as a dictionary, for receivers in this process."""
    decoded: dict[str, Any] = msgspec.json.decode(message_text(event))
    return decoded


def status(job: Job, now: int, history: History | None = None) -> dict[str, Any]:
    """A job as the Python API, HTTP and the command line show it; ``now`` in microseconds UTC.

    An active job's has an ``eta``, or why there is none, where the ``history`` of past jobs is given.
    """
    return {
        "job_id": job.job_id,
        "photo_id": job.photo_id,
        "photo_info": job.photo_info,
        "status": job.status,
        "current_stage": job.current_stage,
        "progress": job.progress,
        "message": job.message,
        "elapsed_seconds": elapsed_seconds(job, now),
        "stages_completed": stages_completed(job),
        "errors": _errors(job),
        "started_at": iso(job.started_at),
        "updated_at": iso(job.updated_at),
        "completed_at": None if job.completed_at is None else iso(job.completed_at),
        "success": job.success,
        "result": job.result,
        "duration": job.duration,
        **({"stages": list(job.stages)} if job.stages else {}),
        "position": job.position,
        "sequence": job.sequence,
        **(_eta(history.estimate(job, now)) if history is not None and job.status == "active" else {}),
    }


def _eta(estimate: Estimate | Reason) -> dict[str, Any]:
    if isinstance(estimate, Estimate):
        return {"eta": asdict(estimate)}
    return {"eta": None, "eta_reason": estimate}


def _errors(job: Job) -> list[dict[str, Any]]:
    return [
        {
            "error_type": error.error_type,
            "error_message": error.error_message,
            "error_details": error.error_details,
            "stage": error.stage,
            "timestamp": iso(error.occurred_at),
        }
        for error in job.errors
    ]
