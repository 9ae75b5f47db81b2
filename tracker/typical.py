"""The typical run: medians of the jobs that completed the same stages. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct

from tracker.comparison import StageKey
from tracker.errors import TrackerError
from tracker.projection import CompletedStage, Job
from tracker.timeline import seconds

MAX_TYPICAL = 50


class NoHistory(TrackerError):
    """There is no finished job to compare a job with."""

    code = "no_history"
    public_fields = ("job_id",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"No other job that succeeded completed the stages of job {job_id!r}: nothing is typical yet.")
        self.job_id = job_id


class Typical(Struct, frozen=True):
    """Medians in seconds: of each stage that at least half of the ``jobs`` completed, and of the whole."""

    jobs: int
    seconds: float
    stages: dict[StageKey, float]


def is_like(job: Job, other: Job) -> bool:
    """Whether ``other`` succeeded, and completed whatever ``job`` did, of the same declared stages."""
    if other.job_id == job.job_id or other.success is not True or other.stages != job.stages:
        return False
    return _stages(job.stages_completed) <= _stages(other.stages_completed)


def typical(job_id: str, like: Sequence[Job]) -> Typical:
    """Their medians.

    Raises:
        NoHistory: If there are none.
    """
    if not like:
        raise NoHistory(job_id)
    took: defaultdict[StageKey, list[float]] = defaultdict(list)
    for job in like:
        for key, span in zip(_keys(job.stages_completed), job.stages_completed, strict=True):
            took[key].append(seconds(span.started_at, span.completed_at, 0))
    stages = {key: median(values) for key, values in took.items() if 2 * len(values) >= len(like)}
    whole = median(seconds(job.started_at, job.completed_at, 0) for job in like)
    return Typical(len(like), whole, stages)


def _stages(completed: Iterable[CompletedStage]) -> Counter[str]:
    return Counter(done.stage for done in completed)


def _keys(completed: Iterable[CompletedStage]) -> list[StageKey]:
    counts: Counter[str] = Counter()
    keys = []
    for done in completed:
        counts[done.stage] += 1
        keys.append((done.stage, counts[done.stage]))
    return keys
