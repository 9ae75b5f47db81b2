"""Folding many events of one job at once: pure, and the same job as :func:`tracker.projection.fold` gives.

Of progress told again and again in one stage only the first and the last leave a trace. The others are passed over, and
of them only the stage is decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tracker.events import ProgressUpdated, RecordedEvent
from tracker.projection import Job, apply, open_stage


class _InStage(Struct, gc=False):
    stage: str


_decode = msgspec.json.Decoder(_InStage).decode


def quick_fold(events: Iterable[RecordedEvent], job: Job | None = None) -> Job | None:
    """The job after all ``events`` of it, in the order of their ``sequence``."""
    for _, after, _ in folding(events, job):
        job = after
    return job


def folding(
    events: Iterable[RecordedEvent], job: Job | None = None
) -> Iterator[tuple[RecordedEvent, Job | None, bool]]:
    """Each event, the job after it, and whether it applied. What the next event overwrites does not show in the job."""
    sequence = 0 if job is None else job.sequence
    stage_now = open_stage(job)
    event: RecordedEvent | None = None
    stage: str | None = None
    for following in chain(events, (None,)):
        next_stage = None if following is None else _stage(following)
        if event is not None:
            repeats = stage is not None and stage == stage_now == next_stage and event.sequence == sequence + 1
            if repeats and following is not None and following.sequence == sequence + 2:
                sequence += 1
                yield event, job, True
            else:
                before = job if job is None or job.sequence == sequence else replace(job, sequence=sequence)
                job = apply(before, event)
                sequence = 0 if job is None else job.sequence
                stage_now = open_stage(job)
                yield event, job, job is not before
        event, stage = following, next_stage


def _stage(event: RecordedEvent) -> str | None:
    return _decode(event.payload).stage if event.type == ProgressUpdated.type else None
