"""A job's way through its stages: values without a clock.

Its stages are those of :mod:`tracker.projection`: one begins when it is first told of, and is over when it is
completed, when the job turns to another stage, or when the job ends. Stages follow each other and never overlap; the
time between them is a gap. What is kept is bounded.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from tracker.projection import JobStatus

MAX_POINTS = 100
MAX_TIMELINE_STAGES = 1000
MAX_TIMELINE_ERRORS = 1000

# An event as a timeline reads it: position, sequence, type, recorded_at (microseconds UTC), payload.
Step: TypeAlias = tuple[int, int, str, int, str]


class Point(Struct, frozen=True, gc=False):
    """How far a stage was. ``at`` in microseconds UTC, ``progress`` 0 to 100."""

    at: int
    position: int
    progress: float


class StageSpan(Struct, frozen=True, kw_only=True):
    """A stage that the job went through. Times in microseconds UTC.

    ``occurrence`` counts the stages of this name from 1. ``ended_at`` is None while it runs, ``completed_at`` is None
    unless it was completed: where it was left for another one, or with the job's end, only the former is there.
    ``events`` are the job's from the stage's first to its last. ``curve`` has at most 100 points, the first and the
    last progress among them. ``last_progress`` and ``completion`` are the payloads of these events.
    """

    stage: str
    occurrence: int
    started_at: int
    ended_at: int | None
    completed_at: int | None
    first_position: int
    last_position: int
    events: int
    curve: tuple[Point, ...]
    last_progress: str | None
    completion: str | None


class Gap(Struct, frozen=True):
    """Time in no stage, of at least a millisecond: None for the job's start and end, and while it lasts."""

    after: str | None
    before: str | None
    started_at: int
    ended_at: int | None


class TimelineError(Struct, frozen=True):
    """An error that was reported, and where in the log. ``at`` in microseconds UTC."""

    error_type: str
    error_message: str
    stage: str | None
    at: int
    position: int


class Timeline(Struct, frozen=True, kw_only=True):
    """A job's way, up to ``last_position``. Times in microseconds UTC.

    Of ``stages`` and ``errors`` the latest 1,000 are kept; the counts are of all.
    """

    job_id: str
    status: JobStatus
    started_at: int
    ended_at: int | None
    first_position: int
    last_position: int
    events: int
    stages: tuple[StageSpan, ...]
    stage_count: int
    gaps: tuple[Gap, ...]
    errors: tuple[TimelineError, ...]
    error_count: int


def seconds(started_at: int, ended_at: int | None, now: int) -> float:
    """From one time to another, or to ``now``. Clocks that were set back make it 0, not negative."""
    return max(0, (now if ended_at is None else ended_at) - started_at) / 1_000_000
