"""Whether a job takes an event, and what the log adds to it: pure, no I/O.

The rules are those of ``docs/protocol.md``, "A job's life". They are checked once, where events get their order.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from tracker.errors import DuplicateEvent, InvalidEvent, JobExists, JobFinished, JobNotFound
from tracker.events import (
    MAX_PAYLOAD_BYTES,
    STANDARD_STAGES,
    TERMINAL_STAGES,
    AnyFact,
    ErrorReported,
    Event,
    JobCompleted,
    JobFailed,
    JobStarted,
    PhotoId,
    ProgressUpdated,
    RecordedEvent,
    StageCompleted,
    encode_fact,
)
from tracker.projection import Job, elapsed_seconds
from tracker.times import iso

_encode = msgspec.json.Encoder().encode
# What the log adds to a producer's event, and the producer's clock, which may differ when it says the same again:
# no part of the content.
_ADDED = frozenset({"photo_id", "duration", "stages_completed", "occurred_at"})


def admit(job: Job | None, event: Event, recorded_at: int) -> tuple[str, AnyFact]:
    """The payload to record for ``event`` of ``job``, and the fact it holds, as the log will keep them.

    Raises:
        JobNotFound: If the job was not started.
        JobFinished: If it has ended.
        InvalidEvent: If the stage is not one of the job's.
    """
    if event.type == JobStarted.type:
        return with_photo_id(event.payload, photo_id_first(None)), event.fact
    # Before the payload is decoded: what is refused must not cost more than what is not.
    if job is None:
        raise JobNotFound(event.job_id)
    if job.completed_at is not None:
        raise JobFinished(event.job_id)
    payload, fact = event.payload, event.fact
    if isinstance(fact, (ProgressUpdated, StageCompleted, ErrorReported)):
        if fact.stage is not None:
            check_stage(job.stages, fact.stage)
    elif isinstance(fact, (JobCompleted, JobFailed)):
        fact = _ended(job, fact, recorded_at)
        payload = encode_fact(fact).decode()
    return with_photo_id(payload, photo_id_first(job.photo_id)), fact


def check_stage(declared: tuple[str, ...], stage: str) -> None:
    """Demand a stage that a job with the ``declared`` stages (none: the standard ones) has."""
    if stage in (declared or STANDARD_STAGES):
        return
    allowed = (*declared, *TERMINAL_STAGES) if declared else STANDARD_STAGES
    if stage not in allowed:
        raise InvalidEvent("stage", stage, f"must be one of {', '.join(allowed)}")


def repeats(recorded: RecordedEvent, event: Event) -> bool:
    """Whether ``event`` says what ``recorded`` already says, apart from what the log added."""
    if (recorded.job_id, recorded.type) != (event.job_id, event.type):
        return False
    said: dict[str, Any] = msgspec.json.decode(event.payload)
    kept: dict[str, Any] = msgspec.json.decode(recorded.payload)
    said.pop("occurred_at", None)
    added = _ADDED - said.keys()
    return said == {name: value for name, value in kept.items() if name not in added}


def settle_repeat(recorded: RecordedEvent, event: Event) -> RecordedEvent:
    """The first recording of a repeated event.

    Raises:
        DuplicateEvent: If its ``event_id`` was used for other content.
        JobExists: If it starts a job again with other content.
    """
    if repeats(recorded, event):
        return recorded
    if event.event_id is not None and event.event_id == recorded.event_id:
        raise DuplicateEvent(event.event_id)
    raise JobExists(event.job_id)


def photo_id_first(photo_id: PhotoId) -> str:
    """How the payload of an event about a job with this photo begins."""
    text = str(photo_id) if type(photo_id) is int else _encode(photo_id).decode()
    return f'{{"photo_id":{text},'


def with_photo_id(payload: str, beginning: str) -> str:
    """A payload with the job's photo, where it names none: ``beginning`` is that of :func:`photo_id_first`."""
    # Spliced, not re-encoded: photo_id is the first field of every fact, so the start of the text tells.
    return payload if payload.startswith('{"photo_id":') else beginning + payload[1:]


def _ended(job: Job, fact: JobCompleted | JobFailed, recorded_at: int) -> JobCompleted | JobFailed:
    duration = fact.duration if fact.duration is not UNSET else elapsed_seconds(job, recorded_at)
    if isinstance(fact, JobFailed):
        return replace(fact, duration=duration)
    full = replace(fact, duration=duration, stages_completed=stages_completed(job))
    if len(_encode(full)) <= MAX_PAYLOAD_BYTES:
        return full
    # The results are in the job's stage_completed events; the list of stages stays.
    brief = [{**stage, "result": {}} for stage in stages_completed(job)]
    return replace(full, stages_completed=brief)


def stages_completed(job: Job) -> list[dict[str, Any]]:
    """The completed stages as clients see them, in the order of their completion."""
    return [
        {"stage": done.stage, "completed_at": iso(done.completed_at), "result": done.result}
        for done in job.stages_completed
    ]
