"""Histories for estimates: read on at most once a second, and apart for those who may not see all jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from api.access import LimitedReader
from api.estimates import Estimates
from tests.builders import NOON, SECOND, completed, started
from tests.contract.log import Log
from tracker.eta import Estimate
from tracker.past_jobs import REFRESH_SECONDS
from tracker.projection import Job
from tracker.statistics_query import StatisticsQuery
from tracker.store.base import Reader
from tracker.store.sqlite import SqliteStore
from tracker.tokens import Access, Forbidden

ALL = frozenset[str]()
_ACCESS = Access("id", "guest", frozenset({"read"}), frozenset({"a/"}))


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class CountingReader(LimitedReader):
    """Counts how often it is asked."""

    asked = 0

    async def finished_jobs(self, since: int, limit: int, job_prefixes: frozenset[str] = ALL) -> list[Job]:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().finished_jobs(since, limit, job_prefixes)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(lambda: SqliteStore(tmp_path / "log.db"))
    yield log
    log.close()


@pytest.fixture
async def reader(log: Log) -> AsyncIterator[Reader]:
    reader = log.reader()
    yield reader
    await reader.close()


def finish(log: Log, prefix: str, count: int, at: int = NOON) -> None:
    for number in range(count):
        log.append(started(f"{prefix}{number}"), completed(f"{prefix}{number}"), at=at + number * SECOND)


def jobs(log: Log, told: Estimate | str) -> int | str:
    return told.jobs if isinstance(told, Estimate) else told


async def test_the_history_goes_on_with_the_log_once_a_second(log: Log, reader: Reader) -> None:
    clock = Clock()
    estimates, counting = Estimates(clock), CountingReader(reader, replace(_ACCESS, job_prefixes=ALL))
    finish(log, "a/", 10)
    log.append(started("new"), at=NOON)
    new = log.writer.load_job("new")

    async def known() -> int | str:
        return jobs(log, (await estimates.history(counting, ALL)).estimate(new, NOON))

    assert set(await asyncio.gather(known(), known(), known())) == {10}
    assert counting.asked == 1
    finish(log, "later", 7, NOON + 999 * SECOND)
    clock.seconds = REFRESH_SECONDS - 0.01
    assert (await known(), counting.asked) == (10, 1)
    clock.seconds = REFRESH_SECONDS
    assert (await known(), counting.asked) == (17, 2)


async def test_who_may_see_some_jobs_is_told_from_those(log: Log, reader: Reader) -> None:
    estimates, limited = Estimates(), LimitedReader(reader, _ACCESS)
    finish(log, "a/", 11)
    finish(log, "b/", 30)
    log.append(started("a/new"), at=NOON)
    new = log.writer.load_job("a/new")
    assert jobs(log, (await estimates.history(reader, ALL)).estimate(new, NOON)) == 41
    assert jobs(log, (await estimates.history(limited, _ACCESS.job_prefixes)).estimate(new, NOON)) == 11


async def test_who_may_see_some_jobs_gets_no_statistics(log: Log, reader: Reader) -> None:
    with pytest.raises(Forbidden, match="of all jobs"):
        await LimitedReader(reader, _ACCESS).statistics(StatisticsQuery(), NOON)
    whole = LimitedReader(reader, replace(_ACCESS, job_prefixes=ALL))
    assert (await whole.statistics(StatisticsQuery(), NOON)).position == 0


async def test_a_bounded_number_of_histories_is_kept(log: Log, reader: Reader) -> None:
    clock = Clock()
    estimates, counting = Estimates(clock), CountingReader(reader, _ACCESS)
    for number in range(60):
        await estimates.history(counting, frozenset({f"a/{number}"}))
    await estimates.history(counting, frozenset({"a/59"}))
    assert counting.asked == 60
    await estimates.history(counting, frozenset({"a/0"}))
    assert counting.asked == 61
