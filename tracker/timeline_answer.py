"""A timeline as HTTP and the command line show it."""

from __future__ import annotations

from typing import Any

from tracker.timeline import Gap, StageSpan, Timeline, TimelineError, seconds
from tracker.times import iso


def timeline_answer(timeline: Timeline, now: int) -> dict[str, Any]:
    """The public body; ``now`` in microseconds UTC is where what still runs has come to.

    Durations are in seconds by the tracker's own clock, shares are 0 to 1 of the job's time.
    """
    whole = seconds(timeline.started_at, timeline.ended_at, now)
    return {
        "job_id": timeline.job_id,
        "status": timeline.status,
        "started_at": iso(timeline.started_at),
        "completed_at": _iso(timeline.ended_at),
        "elapsed_seconds": whole,
        "first_position": timeline.first_position,
        "last_position": timeline.last_position,
        "events": timeline.events,
        "stages": [_stage(stage, whole, now) for stage in timeline.stages],
        "stage_count": timeline.stage_count,
        "gaps": [_gap(gap, whole, now) for gap in timeline.gaps],
        "errors": [_error(error) for error in timeline.errors],
        "error_count": timeline.error_count,
    }


def _stage(stage: StageSpan, whole: float, now: int) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "occurrence": stage.occurrence,
        "started_at": iso(stage.started_at),
        "ended_at": _iso(stage.ended_at),
        "completed_at": _iso(stage.completed_at),
        **_length(stage.started_at, stage.ended_at, whole, now),
        "first_position": stage.first_position,
        "last_position": stage.last_position,
        "events": stage.events,
        "progress": [
            {"timestamp": iso(point.at), "position": point.position, "progress": point.progress}
            for point in stage.curve
        ],
    }


def _gap(gap: Gap, whole: float, now: int) -> dict[str, Any]:
    return {
        "after": gap.after,
        "before": gap.before,
        "started_at": iso(gap.started_at),
        "ended_at": _iso(gap.ended_at),
        **_length(gap.started_at, gap.ended_at, whole, now),
    }


def _error(error: TimelineError) -> dict[str, Any]:
    return {
        "error_type": error.error_type,
        "error_message": error.error_message,
        "stage": error.stage,
        "timestamp": iso(error.at),
        "position": error.position,
    }


def _length(started_at: int, ended_at: int | None, whole: float, now: int) -> dict[str, float]:
    took = seconds(started_at, ended_at, now)
    return {"duration": took, "share": min(1.0, took / whole) if whole else 0.0}


def _iso(at: int | None) -> str | None:
    return None if at is None else iso(at)
