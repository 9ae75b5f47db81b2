"""A comparison as HTTP and the command line show it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from tracker.comparison import (
    MAX_DIFFERENCES,
    Course,
    Divergence,
    StageRow,
    content_differences,
    error_differences,
    first_turn,
    stage_rows,
    stage_seconds,
)
from tracker.json_differences import Difference
from tracker.projection import Job
from tracker.timeline import Step, Timeline, TimelineError, seconds
from tracker.times import iso
from tracker.typical import Typical

MAX_SHOWN_ERRORS = 20


class Run(Struct, frozen=True):
    """A job, read whole."""

    job: Job
    timeline: Timeline
    course: Course


class _Place(Struct):
    stage: str | None = None


_read_place = msgspec.json.Decoder(_Place).decode


def comparison_answer(a: Run, b: Run, content: Divergence | None, now: int) -> dict[str, Any]:
    """The public body for two jobs; ``content`` is where their events first differ, ``now`` in microseconds UTC."""
    found = list(islice(content_differences((a.job, a.timeline), (b.job, b.timeline)), MAX_DIFFERENCES + 1))
    turn = first_turn(a.course, b.course)
    return {
        **_sides(_side(a, now), _side(b, now)),
        "same": content is None,
        "stages": _stages(stage_rows(stage_seconds(a.timeline, now), stage_seconds(b.timeline, now))),
        "divergence": {"turn": _divergence(turn), "content": _divergence(content)},
        "differences": [_difference(one) for one in found[:MAX_DIFFERENCES]],
        "has_more_differences": len(found) > MAX_DIFFERENCES,
        "errors": _errors(a.timeline, b.timeline),
    }


def typical_answer(a: Run, b: Typical, now: int) -> dict[str, Any]:
    """The public body for a job and the medians of others; nothing of what was said is compared."""
    return {
        **_sides(_side(a, now), _typical_side(b)),
        "same": None,
        "stages": _stages(stage_rows(stage_seconds(a.timeline, now), b.stages)),
        "divergence": None,
        "differences": [],
        "has_more_differences": False,
        "errors": None,
    }


def _sides(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    return {"a": a, "b": b, "difference": b["elapsed_seconds"] - a["elapsed_seconds"]}


def _side(run: Run, now: int) -> dict[str, Any]:
    timeline = run.timeline
    return {
        "job_id": timeline.job_id,
        "jobs": 1,
        "status": timeline.status,
        "started_at": iso(timeline.started_at),
        "elapsed_seconds": seconds(timeline.started_at, timeline.ended_at, now),
        "events": timeline.events,
        "error_count": timeline.error_count,
    }


def _typical_side(typical: Typical) -> dict[str, Any]:
    return {
        "job_id": None,
        "jobs": typical.jobs,
        "status": "completed",
        "started_at": None,
        "elapsed_seconds": typical.seconds,
        "events": None,
        "error_count": None,
    }


def _stages(rows: list[StageRow]) -> list[dict[str, Any]]:
    return [
        {
            "stage": row.stage,
            "occurrence": row.occurrence,
            "a": row.a,
            "b": row.b,
            "difference": None if row.a is None or row.b is None else row.b - row.a,
        }
        for row in rows
    ]


def _divergence(found: Divergence | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "a": None if found.a is None else _event(found.a),
        "b": None if found.b is None else _event(found.b),
        "differs": [_difference(one) for one in found.differs],
    }


def _event(step: Step) -> dict[str, Any]:
    position, sequence, kind, at, payload = step
    return {
        "position": position,
        "sequence": sequence,
        "type": kind,
        "stage": _read_place(payload).stage,
        "timestamp": iso(at),
    }


def _difference(one: Difference) -> dict[str, Any]:
    path, left, right = one
    return {"path": path, "a": left, "b": right}


def _errors(a: Timeline, b: Timeline) -> dict[str, Any]:
    only_a, only_b, both = error_differences(a, b)
    return {"a": _shown(only_a), "b": _shown(only_b), "both": both}


def _shown(errors: list[TimelineError]) -> list[dict[str, Any]]:
    return [
        {
            "error_type": error.error_type,
            "error_message": error.error_message,
            "stage": error.stage,
            "timestamp": iso(error.at),
            "position": error.position,
        }
        for error in errors[:MAX_SHOWN_ERRORS]
    ]
