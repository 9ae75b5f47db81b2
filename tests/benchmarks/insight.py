"""Insight: the statistics of 100,000 jobs, an estimate, and what counting costs an append."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from unittest import mock

from tests.benchmarks.figure import Figure
from tests.builders import NOON, SECOND, completed, error, failed, progressed, stage_completed, started
from tracker.eta import KEPT_JOBS, History
from tracker.messages import status
from tracker.projection import Job
from tracker.statistics import HOUR, fold_counting
from tracker.statistics_answer import answer
from tracker.statistics_query import GROUPINGS, StatisticsQuery
from tracker.store import writer
from tracker.store.base import Append
from tracker.store.draft import Draft
from tracker.store.sqlite import SqliteStore, open_reader
from tracker.store.statistics_table import StatisticsTable

_JOBS = 100_000
_HOURS = 30 * 24
_BATCH = 500
_ASKED = 15
_STAGES = ("importing", "exif_analysis", "ai_evaluation", "quality_check", "exporting")


def statistics_milliseconds(folder: Path) -> float:
    """The slowest of the answers, each the median of fifteen: in brief and grouped, of all and of a window."""
    now = _many_jobs(folder / "log.db")
    last = now // HOUR
    windows = ((None, None), (last - _HOURS // 2, None), (last - 400, last - 10))
    queries = [
        StatisticsQuery(since=since, until=until, group_by=group_by)
        for group_by in (None, *GROUPINGS)
        for since, until in windows
    ]
    return max(asyncio.run(_asked(folder / "log.db", queries, now)))


async def _asked(path: Path, queries: list[StatisticsQuery], now: int) -> list[float]:
    reader = open_reader(path)
    took = []
    for query in queries:
        rounds = []
        for _ in range(_ASKED):
            begun = time.perf_counter()
            assert answer(query, await reader.statistics(query, now))["success"]
            rounds.append(1000 * (time.perf_counter() - begun))
        took.append(statistics.median(rounds))
    await reader.close()
    return took


def _many_jobs(path: Path) -> int:
    """100,000 jobs over thirty days, each of five stages with a heavy tail; returns the last time."""
    store = SqliteStore(path)
    appends = _appends()
    while batch := list(islice(appends, _BATCH)):
        store.writer.append(batch)
    store.close()
    return NOON + _HOURS * HOUR


def _appends(progress: int = 0) -> Iterator[Append]:
    """``progress``: how many progress events each stage has."""
    dice = random.Random(1)
    for number in range(_JOBS):
        name, at = f"job_{number}", NOON + number * _HOURS * HOUR // _JOBS
        yield Append((started(name),), at)
        for stage in _STAGES:
            for step in range(progress):
                yield Append((progressed(name, step, stage=stage),), at)
            at += int(dice.lognormvariate(2, 1) * SECOND)
            yield Append((stage_completed(name, stage),), at)
        is_failed = dice.random() < 0.05
        if is_failed:
            yield Append((error(name, error_type=dice.choice(("io", "memory", "format"))),), at)
        yield Append((failed(name) if is_failed else completed(name),), at)


def estimate_microseconds(_: Path) -> float:
    """What the estimate adds to a status, from 200 past jobs."""
    return _status_microseconds(_history()) - _status_microseconds(None)


def _history() -> History:
    history, dice = History(), random.Random(1)
    for number in range(KEPT_JOBS):
        history.add(_job(f"job_{number}", dice))
    return history


def _status_microseconds(history: History | None) -> float:
    job = _job("new", random.Random(2), ended=False)
    rounds = []
    for number in range(2000):
        begun = time.perf_counter_ns()
        status(job, job.updated_at + number * SECOND // 100, history)
        rounds.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(rounds)


def _job(name: str, dice: random.Random, *, ended: bool = True) -> Job:
    draft, at = Draft(mock.Mock(job=lambda _: None, is_pruned=lambda _: False), 0), NOON
    draft.take(Append((started(name),), at))
    for stage in _STAGES[: None if ended else 2]:
        draft.take(Append((progressed(name, stage=stage),), at))
        at += int(dice.lognormvariate(2, 1) * SECOND)
        draft.take(Append((stage_completed(name, stage),), at))
    draft.take(Append((completed(name) if ended else progressed(name, stage=_STAGES[2]),), at))
    job = fold_counting(draft.recorded, Counter())
    assert job is not None
    return job


def counting_events_a_second(folder: Path) -> float:
    """Events of jobs with three progress events a stage, appended 50 a transaction."""
    return _events_a_second(folder)


def uncounted_events_a_second(folder: Path) -> float:
    """The same with the counting left out."""
    with (
        mock.patch.object(StatisticsTable, "add", _nothing),
        mock.patch.object(writer, "counted", _nothing),
    ):
        return _events_a_second(folder)


def _nothing(*_: object) -> tuple[()]:
    return ()


def _events_a_second(folder: Path) -> float:
    store = SqliteStore(folder / "log.db")
    appends = list(islice(_appends(progress=3), 20_000))
    begun = time.perf_counter()
    for first in range(0, len(appends), 50):
        store.writer.append(appends[first : first + 50])
    took = time.perf_counter() - begun
    store.close()
    return len(appends) / took


FIGURES = [
    Figure(
        name="I1",
        what="GET /stats at 100,000 jobs of 30 days, the slowest of its groupings and windows, median",
        yardstick="absolute",
        unit="ms",
        ours=statistics_milliseconds,
        theirs=None,
        reach=100,
        bound="at most",
        rounds=1,
    ),
    Figure(
        name="I2",
        what="what an estimate adds to a status, from 200 past jobs, median",
        yardstick="absolute",
        unit="µs",
        ours=estimate_microseconds,
        theirs=None,
        reach=100,
        bound="at most",
    ),
    Figure(
        name="I3",
        what="events/s appended, 50 a transaction, synced, with the statistics",
        yardstick="the same without the statistics",
        unit="events/s",
        ours=counting_events_a_second,
        theirs=uncounted_events_a_second,
        reach=0.7,
    ),
]
