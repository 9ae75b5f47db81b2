"""The statistics as HTTP and the command line show them, made of counters. Pure.

Counters come as ``(measure, hour, name, bucket) -> amount``; where no hour is asked for, all of them have hour 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict

from tracker.events import ErrorReported, JobCompleted, JobFailed, JobStarted
from tracker.statistics import HOUR, Durations, Key, Measure, durations
from tracker.statistics_query import StatisticsQuery
from tracker.times import iso

MAX_GROUPS = 1000
_BRIEF = 10
_FINISHED = ("completed", "failed")

Body: TypeAlias = dict[str, Any]


class Tally(Struct, frozen=True):
    """What the log counted in a window, up to ``position``.

    ``active``: jobs unfinished at the window's end. ``first_hour`` and ``end_hour`` (exclusive): the hours that the
    window covers, from the first with an event on.
    """

    counters: Counter[Key]
    active: int
    position: int
    first_hour: int
    end_hour: int

    @property
    def hours(self) -> int:
        """How many hours the window has."""
        return max(0, self.end_hour - self.first_hour)


def answer(query: StatisticsQuery, tally: Tally) -> Body:
    """The body of ``GET /stats``: everything in brief, or ``groups``."""
    body: Body = {
        "success": True,
        "since": None if query.since is None else iso(query.since * HOUR),
        "until": None if query.until is None else iso(query.until * HOUR),
        "position": tally.position,
        "hours": tally.hours,
    }
    if query.group_by is None:
        return {**body, **_brief(tally)}
    groups = _GROUPS[query.group_by](tally)
    return {
        **body,
        "group_by": query.group_by,
        "groups": groups[:MAX_GROUPS],
        "left_out": max(0, len(groups) - MAX_GROUPS),
    }


def _brief(tally: Tally) -> Body:
    types = _sums(tally, "event")
    took = sum(_buckets(tally, "job").values(), Counter[int]())
    stages, errors = _by_stage(tally), _by_error_type(tally)
    return {
        "jobs": {
            "active": tally.active,
            **_jobs(types),
            "finished_per_hour": _rate(types[JobCompleted.type] + types[JobFailed.type], tally.hours),
            "duration": _shown(durations(took)),
        },
        "events": {
            "recorded": types.total(),
            "per_hour": _rate(types.total(), tally.hours),
            "by_type": dict(sorted(types.items())),
        },
        "stages": stages[:MAX_GROUPS],
        "errors": {"reported": types[ErrorReported.type], "by_type": errors[:_BRIEF]},
    }


def _jobs(types: Counter[str]) -> Body:
    """What the numbers of events say about jobs: those that started, and those that ended."""
    completed, failed = types[JobCompleted.type], types[JobFailed.type]
    return {
        "started": types[JobStarted.type],
        "completed": completed,
        "failed": failed,
        "failure_share": _share(failed, completed + failed),
    }


def _by_stage(tally: Tally) -> list[Body]:
    """Every stage, that which took the most time first."""
    took = _buckets(tally, "stage")
    errors = _sums(tally, "stage_error")
    spent = {name: durations(took[name]) for name in sorted(took.keys() | errors.keys())}
    whole = sum(one.total for one in spent.values() if one is not None)
    return [
        {
            "stage": name,
            "completed": one.count if one is not None else 0,
            "errors": errors[name],
            "time_share": _share(one.total if one is not None else 0, whole),
            "duration": _shown(one),
        }
        for name, one in sorted(spent.items(), key=lambda item: (-item[1].total if item[1] else 0, item[0]))
    ]


def _by_status(tally: Tally) -> list[Body]:
    took = _buckets(tally, "job")
    found = {name: durations(took[name]) for name in _FINISHED}
    numbers = {"active": tally.active, **{name: one.count if one else 0 for name, one in found.items()}}
    return [
        {
            "status": name,
            "jobs": number,
            "share": _share(number, sum(numbers.values())),
            "duration": _shown(found.get(name)),
        }
        for name, number in numbers.items()
    ]


def _by_hour(tally: Tally) -> list[Body]:
    """Every hour with an event, the newest first."""
    hours: dict[int, Counter[str]] = defaultdict(Counter)
    for key, amount in tally.counters.items():
        if key.measure == "event" and amount > 0:
            hours[key.hour][key.name] += amount
    return [_hour(hour, hours[hour]) for hour in sorted(hours, reverse=True)]


def _hour(hour: int, types: Counter[str]) -> Body:
    return {"hour": iso(hour * HOUR), "events": types.total(), "errors": types[ErrorReported.type], **_jobs(types)}


def _by_error_type(tally: Tally) -> list[Body]:
    """Every type of error, the most frequent first."""
    errors = _sums(tally, "error")
    return [
        {"error_type": name, "errors": number, "share": _share(number, errors.total())}
        for name, number in sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    ]


def _sums(tally: Tally, measure: Measure) -> Counter[str]:
    sums = Counter[str]()
    for key, amount in tally.counters.items():
        if key.measure == measure and amount > 0:
            sums[key.name] += amount
    return sums


def _buckets(tally: Tally, measure: Measure) -> dict[str, Counter[int]]:
    buckets: dict[str, Counter[int]] = defaultdict(Counter)
    for key, amount in tally.counters.items():
        if key.measure == measure and amount > 0:
            buckets[key.name][key.bucket] += amount
    return buckets


def _shown(found: Durations | None) -> Body | None:
    if found is None:
        return None
    fields = asdict(found)
    total = fields.pop("total")
    number = fields.pop("count")
    return {"mean": total / number, **fields}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _rate(number: int, hours: int) -> float | None:
    return number / hours if hours else None


_GROUPS: dict[str, Callable[[Tally], list[Body]]] = {
    "stage": _by_stage,
    "status": _by_status,
    "hour": _by_hour,
    "error_type": _by_error_type,
}
