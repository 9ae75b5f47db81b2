"""The public shapes of timelines and comparisons."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from tracker.comparison import MAX_DIFFERENCES
from tracker.comparison_answer import MAX_SHOWN_ERRORS
from tracker.timeline import MAX_POINTS, MAX_TIMELINE_ERRORS, MAX_TIMELINE_STAGES

from .field_schemas import (
    EventType,
    Identifier,
    Position,
    Progress,
    Seconds,
    Sequence,
    Stage,
    Success,
    Text,
    Timestamp,
    Whole,
)

Status: TypeAlias = Literal["active", "completed", "failed"]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1, description="Of the job's time.")]
Occurrence: TypeAlias = Annotated[int, Meta(ge=1, description="Which of the stages of this name.")]


class ProgressPoint(Struct, kw_only=True):
    """How far a stage was."""

    timestamp: Timestamp
    position: Position
    progress: Progress


class TimelineStage(Struct, kw_only=True):
    """A stage the job went through. `completed_at` is null unless it was completed, `ended_at` while it runs."""

    stage: Stage
    occurrence: Occurrence
    started_at: Timestamp
    ended_at: Timestamp | None
    completed_at: Timestamp | None
    duration: Seconds
    share: Share
    first_position: Position
    last_position: Position
    events: Annotated[int, Meta(ge=1, description="The job's, from the stage's first to its last.")]
    progress: Annotated[list[ProgressPoint], Meta(max_length=MAX_POINTS, description="The first and last are kept.")]


class TimelineGap(Struct, kw_only=True):
    """Time in no stage: before the first, between two, after the last."""

    after: Stage | None
    before: Stage | None
    started_at: Timestamp
    ended_at: Timestamp | None
    duration: Seconds
    share: Share


class PlacedError(Struct, kw_only=True):
    """An error, and where in the log it was reported."""

    error_type: Identifier
    error_message: Text
    stage: Stage | None
    timestamp: Timestamp
    position: Position


class JobTimeline(Struct, kw_only=True):
    """A job in the order of time, by the tracker's clock."""

    job_id: Identifier
    status: Status
    started_at: Timestamp
    completed_at: Timestamp | None
    elapsed_seconds: Seconds
    first_position: Position
    last_position: Position
    events: Sequence
    stages: Annotated[list[TimelineStage], Meta(max_length=MAX_TIMELINE_STAGES, description="The latest.")]
    stage_count: Whole
    gaps: list[TimelineGap]
    errors: Annotated[list[PlacedError], Meta(max_length=MAX_TIMELINE_ERRORS, description="The latest.")]
    error_count: Whole


class TimelineAnswer(Struct, kw_only=True):
    """The timeline of one job."""

    success: Success
    timeline: JobTimeline


class ComparedRun(Struct, kw_only=True):
    """A side of a comparison. What is `typical` has no id: it is the medians of so many `jobs`."""

    job_id: Identifier | None
    jobs: Annotated[int, Meta(ge=1)]
    status: Status
    started_at: Timestamp | None
    elapsed_seconds: Seconds
    events: Sequence | None
    error_count: Whole | None


class ComparedStage(Struct, kw_only=True):
    """Seconds in a stage; null where a run has not got it."""

    stage: Stage
    occurrence: Occurrence
    a: Seconds | None
    b: Seconds | None
    difference: float | None


class Difference(Struct, kw_only=True):
    """A place in JSON, and what is there in each; null where nothing is."""

    path: str
    a: Any
    b: Any


class ComparedEvent(Struct, kw_only=True):
    """Where in the log the runs part."""

    position: Position
    sequence: Sequence
    type: EventType
    stage: Stage | None
    timestamp: Timestamp


class PartingEvents(Struct, kw_only=True):
    """The first events that differ; null where a run has no more."""

    a: ComparedEvent | None
    b: ComparedEvent | None
    differs: Annotated[list[Difference], Meta(max_length=MAX_DIFFERENCES)]


class Parting(Struct, kw_only=True):
    """`turn`: where they first do something else; `content`: where they first say anything else."""

    turn: PartingEvents | None
    content: PartingEvents | None


class ComparedErrors(Struct, kw_only=True):
    """The errors that only one of them has, and how many both have."""

    a: Annotated[list[PlacedError], Meta(max_length=MAX_SHOWN_ERRORS)]
    b: Annotated[list[PlacedError], Meta(max_length=MAX_SHOWN_ERRORS)]
    both: Whole


class JobDiff(Struct, kw_only=True):
    """Two runs. Differences in seconds are those of `b` to `a`; what was said is not compared with what is typical."""

    a: ComparedRun
    b: ComparedRun
    difference: float
    same: bool | None
    stages: list[ComparedStage]
    divergence: Parting | None
    differences: Annotated[list[Difference], Meta(max_length=MAX_DIFFERENCES)]
    has_more_differences: bool
    errors: ComparedErrors | None


class DiffAnswer(Struct, kw_only=True):
    """A comparison."""

    success: Success
    diff: JobDiff
