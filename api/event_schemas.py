"""The public shapes of events: as the log streams, lists and exports them, and as producers report them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from .field_schemas import (
    DeclaredStages,
    EventId,
    Failure,
    GivenObject,
    GivenRef,
    Identifier,
    Object,
    PhotoId,
    Position,
    Prev,
    Progress,
    ReplayId,
    Seconds,
    Sequence,
    Stage,
    Success,
    Text,
    Timestamp,
)


class StageDone(Struct, kw_only=True):
    """A stage that ended."""

    stage: Stage
    completed_at: Timestamp
    result: Object


class _Recorded(Struct, kw_only=True, tag_field="type"):
    job_id: Identifier
    photo_id: PhotoId
    timestamp: Timestamp
    position: Position
    sequence: Sequence
    event_id: EventId | UnsetType = UNSET
    occurred_at: Annotated[str, Meta(description="The producer's own ISO 8601 time, as it was sent.")] | UnsetType = (
        UNSET
    )
    extra: Annotated[Object, Meta(description="Fields of the producer that the type does not know.")] | UnsetType = (
        UNSET
    )
    prev: Prev | UnsetType = UNSET
    replay: Annotated[Success, Meta(description="Sent again by a replay: no news, and no cursor.")] | UnsetType = UNSET
    replay_id: ReplayId | UnsetType = UNSET


class JobStartedEvent(_Recorded, tag="job_started"):
    """A job began."""

    photo_info: Object
    stages: DeclaredStages | UnsetType = UNSET


class JobProgressEvent(_Recorded, tag="job_progress"):
    """The job's progress, and the stage it is in."""

    stage: Stage
    progress: Progress
    message: Text
    details: Object


class StageCompletedEvent(_Recorded, tag="stage_completed"):
    """A stage ended."""

    stage: Stage
    result: Object


class PhotoInfoEvent(_Recorded, tag="photo_info"):
    """What was learnt about the job's photo."""

    photo_data: Object


class ErrorOccurredEvent(_Recorded, tag="error_occurred"):
    """Something went wrong; the job goes on until it is failed."""

    error_type: Identifier
    error_message: Text
    error_details: Object
    stage: Stage | None


class JobCompletedEvent(_Recorded, tag="job_completed"):
    """The job ended well."""

    success: Success
    result: Object
    duration: Seconds
    stages_completed: list[StageDone]


class JobFailedEvent(_Recorded, tag="job_failed"):
    """The job ended in failure."""

    success: Failure
    result: Object
    duration: Seconds


RecordedEvent: TypeAlias = (
    JobStartedEvent
    | JobProgressEvent
    | StageCompletedEvent
    | PhotoInfoEvent
    | ErrorOccurredEvent
    | JobCompletedEvent
    | JobFailedEvent
)


class _Report(Struct, kw_only=True):
    job_id: Identifier
    photo_id: Annotated[PhotoId, Meta(description="The job's own if it is left out.")] | UnsetType = UNSET
    event_id: EventId | UnsetType | None = UNSET
    timestamp: Annotated[Any, Meta(description="Kept as `occurred_at` if it is ISO 8601, else ignored.")] = UNSET
    extra: GivenObject | UnsetType = UNSET


class StartJob(_Report):
    """A job begins. Fields that are not known are kept under `extra`, here and in the other reports."""

    photo_info: GivenObject | UnsetType = UNSET
    stages: DeclaredStages | UnsetType | None = UNSET


class UpdateProgress(_Report):
    """The job's progress, and the stage it is in."""

    stage: Stage
    progress: Progress
    message: Text | UnsetType | None = UNSET
    details: GivenObject | UnsetType = UNSET


class CompleteStage(_Report):
    """A stage ended."""

    stage: Stage
    result: GivenObject | UnsetType = UNSET


class SendPhotoInfo(_Report):
    """What was learnt about the job's photo."""

    photo_data: GivenObject | UnsetType = UNSET


class ReportError(_Report):
    """Something went wrong; the job goes on until it is failed."""

    error_type: Identifier
    error_message: Text
    error_details: GivenObject | UnsetType = UNSET
    stage: Stage | UnsetType | None = UNSET


class _Ending(_Report):
    result: GivenObject | UnsetType = UNSET
    duration: Annotated[Seconds, Meta(description="Seconds; computed if left out.")] | UnsetType | None = UNSET


class CompleteJob(_Ending):
    """The job ended: well, unless `success` is false."""

    success: bool = True


class JobStartedMessage(StartJob, tag_field="type", tag="job_started"):
    """A job begins."""

    ref: GivenRef = UNSET


class JobProgressMessage(UpdateProgress, tag_field="type", tag="job_progress"):
    """The job's progress, and the stage it is in."""

    ref: GivenRef = UNSET


class StageCompletedMessage(CompleteStage, tag_field="type", tag="stage_completed"):
    """A stage ended."""

    ref: GivenRef = UNSET


class PhotoInfoMessage(SendPhotoInfo, tag_field="type", tag="photo_info"):
    """What was learnt about the job's photo."""

    ref: GivenRef = UNSET


class ErrorOccurredMessage(ReportError, tag_field="type", tag="error_occurred"):
    """Something went wrong; the job goes on until it is failed."""

    ref: GivenRef = UNSET


class JobCompletedMessage(_Ending, tag_field="type", tag="job_completed"):
    """The job ended well."""

    success: Success | UnsetType = UNSET
    ref: GivenRef = UNSET


class JobFailedMessage(_Ending, tag_field="type", tag="job_failed"):
    """The job ended in failure."""

    success: Failure | UnsetType = UNSET
    ref: GivenRef = UNSET


EventMessage: TypeAlias = (
    JobStartedMessage
    | JobProgressMessage
    | StageCompletedMessage
    | PhotoInfoMessage
    | ErrorOccurredMessage
    | JobCompletedMessage
    | JobFailedMessage
)
