"""What the log counts up to: events, errors and durations, by the hour. Pure: no clock, no I/O.

Every event adds to a few *counters*, each of one hour of UTC: that of the event's ``recorded_at``. Counters are only
ever added up, so the order of the events does not matter. Durations are counted in buckets that grow by 4 %: what is
read from them is wrong by at most 2 % of itself, whatever the durations are. Raise :data:`STATISTICS_VERSION` with
every change of what is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from tracker.events import (
    ErrorReported,
    JobCompleted,
    JobFailed,
    JobStarted,
    ProgressUpdated,
    RecordedEvent,
    StageCompleted,
)
from tracker.projection import Job
from tracker.quick_fold import folding
from tracker.times import MICROSECONDS

STATISTICS_VERSION = 1
RELATIVE_ERROR = 0.02
HOUR = 3600 * MICROSECONDS

_GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GROWTH = math.log(_GROWTH)
_CENTRE = 2 / (_GROWTH + 1)
_LONGEST = 100 * 365 * 86_400 * MICROSECONDS

Measure: TypeAlias = Literal["event", "error", "stage_error", "stage", "job"]


class Key(NamedTuple):
    """Which counter. ``hour``: hours since 1970, UTC.

    ``name`` is, by the measure: ``event``, the event's type; ``error``, the error's; ``stage_error``, the stage that
    an error was in; ``stage``, a stage that was completed; ``job``, how a job ended, ``completed`` or ``failed``. The
    last two count durations, each in its ``bucket``; the others have bucket 0.
    """

    measure: Measure
    hour: int
    name: str
    bucket: int = 0


class Durations(Struct, frozen=True):
    """How long things took, in seconds: all of it wrong by at most 2 % of itself. ``total`` is their sum."""

    count: int
    total: float
    p50: float
    p90: float
    p99: float


def counted(event: RecordedEvent, job: Job) -> Iterator[Key]:
    """The counters that an event adds one to; ``job`` is the job after it."""
    hour = event.recorded_at // HOUR
    yield Key("event", hour, event.type)
    match event.type:
        case ErrorReported.type:
            error = job.errors[-1]
            yield Key("error", hour, error.error_type)
            if error.stage is not None:
                yield Key("stage_error", hour, error.stage)
        case StageCompleted.type:
            done = job.stages_completed[-1]
            yield Key("stage", hour, done.stage, bucket(done.completed_at - done.started_at))
        case JobCompleted.type | JobFailed.type:
            yield Key("job", hour, job.status, bucket(min((job.duration or 0) * MICROSECONDS, _LONGEST)))


def fold_counting(events: Iterable[RecordedEvent], counters: Counter[Key], after: int = 0) -> Job | None:
    """The job that its events make, in the order of their ``sequence``; those above position ``after`` are counted."""
    job: Job | None = None
    progress: Counter[int] = Counter()
    for event, job, applied in folding(events):
        if not applied or event.position <= after:
            continue
        if event.type == ProgressUpdated.type:
            progress[event.recorded_at // HOUR] += 1
        elif job is not None:
            counters.update(counted(event, job))
    add_progress(progress, counters)
    return job


def add_progress(by_hour: Mapping[int, int], counters: dict[Key, int]) -> None:
    """Count progress events, of which only the hour matters."""
    for hour, amount in by_hour.items():
        key = Key("event", hour, ProgressUpdated.type)
        counters[key] = counters.get(key, 0) + amount


def count(events: Iterable[RecordedEvent], after: int = 0) -> Counter[Key]:
    """What the events above position ``after`` add up to; they are those of whole jobs, job by job."""
    counters: Counter[Key] = Counter()
    for _, of_job in groupby(events, key=lambda event: event.job_id):
        fold_counting(of_job, counters, after)
    return counters


def open_jobs(counters: Mapping[str, int]) -> int:
    """How many jobs are unfinished, by the number of events of each type since the log began."""
    ended = counters.get(JobCompleted.type, 0) + counters.get(JobFailed.type, 0)
    return counters.get(JobStarted.type, 0) - ended


def bucket(microseconds: float) -> int:
    """The bucket of a duration: 0 up to a microsecond (and for a clock that was set back), then 4 % longer each."""
    return math.ceil(math.log(microseconds) / _LOG_GROWTH) if microseconds > 1 else 0


def seconds(number: int) -> float:
    """The duration that stands for a bucket: at most 2 % from every one in it."""
    return _GROWTH**number * _CENTRE / MICROSECONDS if number else 0.0


def durations(buckets: Mapping[int, int]) -> Durations | None:
    """What the numbers of durations in each bucket say; None where there are none."""
    filled = sorted((number, amount) for number, amount in buckets.items() if amount > 0)
    amounts = sum(amount for _, amount in filled)
    if not amounts:
        return None
    total = sum(seconds(number) * amount for number, amount in filled)
    return Durations(amounts, total, *(_quantile(filled, amounts, share) for share in (0.5, 0.9, 0.99)))


def _quantile(filled: list[tuple[int, int]], amounts: int, share: float) -> float:
    # The smallest duration that at least this share of them does not exceed.
    wanted = math.ceil(share * amounts)
    for number, amount in filled:
        wanted -= amount
        if wanted <= 0:
            return seconds(number)
    raise AssertionError("there are fewer durations than were counted")
