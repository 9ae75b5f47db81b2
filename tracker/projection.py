"""The state of a job, folded from its events: pure, no clock, no I/O.

``apply`` is used twice, and is the same code both times: in the transaction that records an event, and when the
projection is rebuilt from the log. Raise :data:`PROJECTION_VERSION` with every change of its meaning: a log that
was projected by another version is projected anew when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, assert_never

from msgspec import UNSET, Struct
from msgspec.structs import replace

from tracker.events import (
    AnyFact,
    ErrorReported,
    JobCompleted,
    JobFailed,
    JobStarted,
    PhotoId,
    PhotoInfoSent,
    ProcessingStage,
    ProgressUpdated,
    RecordedEvent,
    StageCompleted,
)

PROJECTION_VERSION = 2
MAX_KEPT = 100

JobStatus: TypeAlias = Literal["active", "completed", "failed"]


class CompletedStage(Struct, frozen=True):
    """A stage that ended. Times in microseconds UTC.

    ``started_at`` is when the stage was first told of: its first progress since the stage before it or, where there
    was none, the job's last event of any kind.
    """

    stage: str
    started_at: int
    completed_at: int
    result: dict[str, Any]


class JobError(Struct, frozen=True):
    """An error that was reported. ``occurred_at`` in microseconds UTC, the tracker's clock."""

    error_type: str
    error_message: str
    error_details: dict[str, Any]
    stage: str | None
    occurred_at: int


class Job(Struct, frozen=True, kw_only=True):
    """What the log says about a job, up to ``position``.

    ``position`` is that of the last event applied, ``started_position`` that of the first; ``sequence`` counts the
    job's events. Times are microseconds UTC, ``duration`` is seconds, ``progress`` 0 to 100. ``stages`` is empty
    for a job with the ten standard stages. ``stage_started_at`` is when the current stage was first told of; None
    while the job is between two stages. Of ``stages_completed`` and ``errors`` the latest 100 are kept here; all of
    them are in the log.
    """

    job_id: str
    photo_id: PhotoId
    photo_info: dict[str, Any]
    stages: tuple[str, ...]
    status: JobStatus
    current_stage: str
    progress: float
    message: str
    started_at: int
    updated_at: int
    stage_started_at: int | None = None
    completed_at: int | None = None
    success: bool | None = None
    result: dict[str, Any] | None = None
    duration: float | None = None
    stages_completed: tuple[CompletedStage, ...] = ()
    errors: tuple[JobError, ...] = ()
    started_position: int
    position: int
    sequence: int


def apply(job: Job | None, event: RecordedEvent) -> Job | None:
    """The job after ``event``. Never raises: an event that makes no sense for the state leaves it alone."""
    return apply_fact(job, event, event.fact)


def apply_fact(job: Job | None, event: RecordedEvent, fact: AnyFact) -> Job | None:
    """:func:`apply` for a caller that has the event's fact at hand."""
    if job is not None and event.sequence != job.sequence + 1:
        return job
    match fact:
        case JobStarted():
            return job if job is not None else _start(event, fact)
        case _ if job is None or job.completed_at is not None:
            return job
        case ProgressUpdated():
            is_in_it = job.stage_started_at is not None and job.current_stage == fact.stage
            return _advance(
                job,
                event,
                current_stage=fact.stage,
                progress=fact.progress,
                message=fact.message,
                stage_started_at=job.stage_started_at if is_in_it else event.recorded_at,
            )
        case StageCompleted():
            return _complete_stage(job, event, fact)
        case PhotoInfoSent():
            return _advance(job, event)
        case ErrorReported():
            error = JobError(fact.error_type, fact.error_message, fact.error_details, fact.stage, event.recorded_at)
            return _advance(job, event, errors=(*job.errors, error)[-MAX_KEPT:])
        case JobCompleted() | JobFailed():
            return _end(job, event, fact)
        case unreachable:
            assert_never(unreachable)


def fold(events: Iterable[RecordedEvent], job: Job | None = None) -> Job | None:
    """The job after all ``events`` of it, in the order of their ``sequence``."""
    for event in events:
        job = apply(job, event)
    return job


def open_stage(job: Job | None) -> str | None:
    """The stage that a job is in: progress in it changes nothing but how far it is. None where there is no such."""
    if job is None or job.stage_started_at is None or job.completed_at is not None:
        return None
    return job.current_stage


def elapsed_seconds(job: Job, now: int) -> float:
    """Seconds from the start to ``now`` (microseconds UTC) or, for a finished job, its duration. Not negative."""
    if job.duration is not None:
        return job.duration
    return max(0, now - job.started_at) / 1_000_000


def _start(event: RecordedEvent, fact: JobStarted) -> Job:
    stages = fact.stages if fact.stages is not UNSET else ()
    return Job(
        job_id=event.job_id,
        photo_id=fact.photo_id if fact.photo_id is not UNSET else None,
        photo_info=fact.photo_info,
        stages=stages,
        status="active",
        current_stage=stages[0] if stages else ProcessingStage.IMPORTING.value,
        progress=0.0,
        message="",
        started_at=event.recorded_at,
        updated_at=event.recorded_at,
        started_position=event.position,
        position=event.position,
        sequence=event.sequence,
    )


def _advance(job: Job, event: RecordedEvent, **changes: Any) -> Job:
    return replace(
        job,
        updated_at=event.recorded_at,
        position=event.position,
        sequence=event.sequence,
        **changes,
    )


def _complete_stage(job: Job, event: RecordedEvent, fact: StageCompleted) -> Job:
    started_at = job.stage_started_at if job.current_stage == fact.stage else None
    if started_at is None:
        started_at = job.updated_at
    completed = CompletedStage(fact.stage, started_at, event.recorded_at, fact.result)
    return _advance(
        job,
        event,
        current_stage=fact.stage,
        stage_started_at=None,
        stages_completed=(*job.stages_completed, completed)[-MAX_KEPT:],
    )


def _end(job: Job, event: RecordedEvent, fact: JobCompleted | JobFailed) -> Job:
    ended = ProcessingStage.COMPLETED if fact.success else ProcessingStage.FAILED
    return _advance(
        job,
        event,
        status=ended.value,
        current_stage=ended.value,
        progress=100.0 if fact.success else job.progress,
        completed_at=event.recorded_at,
        success=fact.success,
        result=fact.result,
        duration=fact.duration if fact.duration is not UNSET else elapsed_seconds(job, event.recorded_at),
    )
