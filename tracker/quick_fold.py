"""Folding many events of one job at once: pure, and the same job as :func:`tracker.projection.fold` gives.

Of progress told again and again in one stage only the first and the last leave a trace. The others are passed over, and
of them only the stage is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tracker.events import ProgressUpdated, RecordedEvent
from tracker.projection import Job, apply


class _InStage(Struct, gc=False):
    stage: str


_decode = msgspec.json.Decoder(_InStage).decode


def quick_fold(events: Sequence[RecordedEvent], job: Job | None = None) -> Job | None:
    """The job after all ``events`` of it, in the order of their ``sequence``."""
    sequence = 0 if job is None else job.sequence
    for event, following in zip_longest(events, events[1:]):
        if job is not None and event.sequence == sequence + 1 and _is_overwritten(job, event, following):
            sequence += 1
            continue
        if job is not None and job.sequence != sequence:
            job = replace(job, sequence=sequence)
        job = apply(job, event)
        sequence = 0 if job is None else job.sequence
    return job


def _is_overwritten(job: Job, event: RecordedEvent, following: RecordedEvent | None) -> bool:
    """Whether the next event tells of progress in the same stage, in which the job is already."""
    return (
        following is not None
        and event.type == following.type == ProgressUpdated.type
        and following.sequence == event.sequence + 1
        and job.stage_started_at is not None
        and job.completed_at is None
        and _decode(event.payload).stage == job.current_stage == _decode(following.payload).stage
    )
