"""The public shapes of the statistics."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from tracker.statistics import RELATIVE_ERROR
from tracker.statistics_answer import MAX_GROUPS
from tracker.statistics_query import GroupBy

from .field_schemas import Cursor, EventType, Identifier, Seconds, Stage, Success, Timestamp, Whole

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1, description="0 to 1; null of nothing.")] | None
PerHour: TypeAlias = Annotated[float, Meta(ge=0, description="An hour; null in a window of none.")] | None


class Spread(Struct, kw_only=True):
    """Seconds."""

    mean: Seconds
    p50: Seconds
    p90: Seconds
    p99: Seconds


Duration: TypeAlias = Annotated[
    Spread | None,
    Meta(description=f"Wrong by at most {RELATIVE_ERROR:.0%} of itself; null where nothing ended."),
]


class JobCounts(Struct, kw_only=True):
    """Jobs that started and that ended in the window; `active`: unfinished at its end."""

    active: Whole
    started: Whole
    completed: Whole
    failed: Whole
    failure_share: Share
    finished_per_hour: PerHour
    duration: Duration


class EventCounts(Struct, kw_only=True):
    """Events recorded in the window."""

    recorded: Whole
    per_hour: PerHour
    by_type: dict[EventType, Whole]


class StageGroup(Struct, kw_only=True):
    """A stage: how often it was completed, the errors in it, and its share of the time of all stages."""

    stage: Stage
    completed: Whole
    errors: Whole
    time_share: Share
    duration: Duration


class ErrorGroup(Struct, kw_only=True):
    """A type of error."""

    error_type: Identifier
    errors: Whole
    share: Share


class ErrorCounts(Struct, kw_only=True):
    """Errors reported in the window; the ten most frequent types."""

    reported: Whole
    by_type: list[ErrorGroup]


class Group(Struct, kw_only=True):
    """By stage as in `stages`, by type of error as in `errors`, else of one status or of one hour."""

    stage: Stage | UnsetType = UNSET
    completed: Whole | UnsetType = UNSET
    errors: Whole | UnsetType = UNSET
    time_share: Share | UnsetType = UNSET
    duration: Duration | UnsetType = UNSET
    status: Literal["active", "completed", "failed"] | UnsetType = UNSET
    jobs: Whole | UnsetType = UNSET
    share: Share | UnsetType = UNSET
    hour: Timestamp | UnsetType = UNSET
    events: Whole | UnsetType = UNSET
    started: Whole | UnsetType = UNSET
    failed: Whole | UnsetType = UNSET
    failure_share: Share | UnsetType = UNSET
    error_type: Identifier | UnsetType = UNSET


class Statistics(Struct, kw_only=True):
    """Everything in brief or, with `group_by`, `groups`: by their time, by their number, hours from the newest.

    `since` and `until` are rounded to whole hours, outwards.
    """

    success: Success
    since: Timestamp | None
    until: Timestamp | None
    position: Annotated[Cursor, Meta(description="The last event that is counted.")]
    hours: Annotated[Whole, Meta(description="Hours of the window, from the first with an event on.")]
    jobs: JobCounts | UnsetType = UNSET
    events: EventCounts | UnsetType = UNSET
    stages: list[StageGroup] | UnsetType = UNSET
    errors: ErrorCounts | UnsetType = UNSET
    group_by: GroupBy | UnsetType = UNSET
    groups: list[Group] | UnsetType = UNSET
    left_out: Annotated[Whole, Meta(description=f"How many groups there are beyond {MAX_GROUPS:,}.")] | UnsetType = (
        UNSET
    )
