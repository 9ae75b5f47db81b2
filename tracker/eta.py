"""How long a job will still take, from those before it with the same stages. Pure: no clock, no I/O.

A past job is asked where the job is now: *in a stage* (since when is known), or *behind* a stage that it completed, or
behind its start. Of the past jobs that were once there, those count that had not moved on after the same time; what
each of them still took from then to its end is a sample. Whole remainders are taken, not stages one by one, so what
is long together stays together. The quantile is the one that a further sample exceeds with a chance of at most 10 %
(or 50 %), for however few samples.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from typing import Literal, TypeAlias

from msgspec import Struct

from tracker.projection import Job
from tracker.times import MICROSECONDS

KEPT_JOBS = 200
KEPT_KINDS = 100
LEAST_JOBS = 10
_LEAST_SURVIVORS = 9  # the 90 % quantile of fewer samples lies beyond the longest of them
_TAIL = 20

Reason: TypeAlias = Literal["too_little_history", "unknown_stages", "finished"]
# Where a job is: in a stage, or behind one; None stands for the job's start.
_Place: TypeAlias = tuple[Literal["in", "behind"], str | None]


class Estimate(Struct, frozen=True):
    """Seconds until the end: half of such jobs take no longer than ``p50``, nine of ten no longer than ``p90``.

    ``jobs``: from how many past jobs.
    """

    p50: float
    p90: float
    jobs: int


class _Samples:
    """Past jobs at one place: how long each stayed, ascending, and how long each then took from there to its end."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        spans.sort(key=itemgetter(0))
        self._stays = [stay for stay, _ in spans]
        self._totals = [total for _, total in spans]

    def remaining(self, spent: int) -> list[float]:
        """What was left after ``spent``, ascending; microseconds, as all here."""
        first = bisect_right(self._stays, spent)
        if len(self._stays) - first < _LEAST_SURVIVORS:
            return self._stretched(spent)
        return [total - spent for total in sorted(self._totals[first:])]

    def _stretched(self, spent: int) -> list[float]:
        # Hardly one stayed so long. The longest stays, in proportion to the shortest of them, say how the rest of such
        # a tail goes on; what came behind the place stays as it was.
        first = max(0, len(self._stays) - _TAIL)
        scale = spent / max(1, self._stays[first])
        tail = zip(self._stays[first:], self._totals[first:], strict=True)
        return sorted(max(0.0, stay * scale - spent) + total - stay for stay, total in tail)


class _Kind:
    """The latest jobs with the same stages."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self._samples: dict[_Place, _Samples] | None = None

    def add(self, job: Job) -> None:
        self.jobs[job.job_id] = job
        if len(self.jobs) > KEPT_JOBS:
            del self.jobs[next(iter(self.jobs))]
        self._samples = None

    def samples(self, place: _Place) -> _Samples | None:
        if self._samples is None:
            self._samples = self._gathered()
        return self._samples.get(place)

    def _gathered(self) -> dict[_Place, _Samples]:
        spans: dict[_Place, list[tuple[int, int]]] = defaultdict(list)
        for job in self.jobs.values():
            for place, stay, total in _spans(job):
                spans[place].append((stay, total))
        return {place: _Samples(found) for place, found in spans.items() if len(found) >= LEAST_JOBS}


class History:
    """The latest successful jobs: 200 of each kind, of the 100 kinds heard of last.

    Two jobs are of a kind if they declared the same stages, or both have the standard ones. Not thread-safe.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ...], _Kind] = {}

    def add(self, job: Job) -> None:
        """Take a job into account; one that did not succeed, or is there already, is passed over."""
        kind = self._kinds.pop(job.stages, None) or _Kind()
        self._kinds[job.stages] = kind
        if job.status == "completed" and job.job_id not in kind.jobs:
            kind.add(job)
        if len(self._kinds) > KEPT_KINDS:
            del self._kinds[next(iter(self._kinds))]

    def estimate(self, job: Job, now: int) -> Estimate | Reason:
        """How long the job will still take, or why that cannot be said. ``now`` in microseconds UTC."""
        if job.status != "active":
            return "finished"
        kind = self._kinds.get(job.stages)
        if kind is None or len(kind.jobs) < LEAST_JOBS:
            return "too_little_history"
        for place, since in _places(job):
            samples = kind.samples(place)
            if samples is not None:
                left = samples.remaining(max(0, now - since))
                return Estimate(_quantile(left, 0.5), _quantile(left, 0.9), len(kind.jobs))
        return "unknown_stages"


def _places(job: Job) -> Iterator[tuple[_Place, int]]:
    """Where the job is and since when, the most telling first."""
    if job.stage_started_at is not None:
        yield ("in", job.current_stage), job.stage_started_at
    if job.stages_completed:
        last = job.stages_completed[-1]
        yield ("behind", last.stage), last.completed_at
    else:
        yield ("behind", None), job.started_at


def _spans(job: Job) -> Iterator[tuple[_Place, int, int]]:
    """Every place that a finished job was at: how long it stayed, and how long it took from there to its end."""
    end = job.completed_at or job.updated_at
    behind: str | None = None
    begun = job.started_at
    for done in job.stages_completed:
        yield ("behind", behind), *_span(begun, done.completed_at, end)
        yield ("in", done.stage), *_span(done.started_at, done.completed_at, end)
        behind, begun = done.stage, done.completed_at
    yield ("behind", behind), *_span(begun, end, end)


def _span(begun: int, left: int, end: int) -> tuple[int, int]:
    # A clock that was set back makes no time run backwards.
    stay = max(0, left - begun)
    return stay, max(stay, end - begun)


def _quantile(ascending: list[float], share: float) -> float:
    place = math.ceil(share * (len(ascending) + 1)) - 1
    return ascending[min(place, len(ascending) - 1)] / MICROSECONDS
