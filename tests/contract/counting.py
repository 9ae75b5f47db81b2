from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.builders import NOON, SECOND, completed, error, failed, progressed, stage_completed, started
from tests.contract.log import Log
from tracker import statistics
from tracker.errors import InvalidQuery
from tracker.events import Event, RecordedEvent
from tracker.job_query import AsOf
from tracker.statistics import HOUR, Key, count
from tracker.statistics_answer import answer
from tracker.statistics_log import read_statistics
from tracker.statistics_query import GROUPINGS, StatisticsQuery, read_query
from tracker.store import schema, statistics_table
from tracker.store.base import Append, Reader
from tracker.store.statistics_reading import MAX_LATER
from tracker.time_travel import HistoryPruned

MEASURES = {
    None: {"event", "error", "stage_error", "stage", "job"},
    "stage": {"stage_error", "stage"},
    "status": {"job"},
    "hour": {"event"},
    "error_type": {"error"},
}
STAGES = ("importing", "exif_analysis", "exporting")


def record_some(log: Log, seed: int, batches: int = 60) -> int:
    """Jobs at random over two days, in batches, with a clock that now and then goes back; returns the last time."""
    dice = random.Random(seed)
    at, names, active = NOON, 0, list[str]()
    for _ in range(batches):
        appends = []
        for _ in range(dice.randint(1, 8)):
            at = max(NOON, at + int(dice.lognormvariate(4, 2) * SECOND) - dice.choice((0, 0, 0, 300 * SECOND)))
            if not active or dice.random() < 0.2:
                names += 1
                active.append(f"job{names}")
                appends.append(Append((started(active[-1]),), at))
                continue
            event = _step(dice, dice.choice(active))
            if event.type in ("job_completed", "job_failed"):
                active.remove(event.job_id)
            appends.append(Append((event,), at))
        log.writer.append(appends)
    return at


def _step(dice: random.Random, job_id: str) -> Event:
    stage = dice.choice(STAGES)
    steps: list[Event] = [
        progressed(job_id, stage=stage),
        stage_completed(job_id, stage),
        error(job_id, error_type=dice.choice(("io", "memory")), stage=dice.choice((stage, None))),
        completed(job_id),
        failed(job_id, duration=dice.choice((0.0, 1e-9, 7.5, 1e300))),
    ]
    return dice.choices(steps, (5, 4, 2, 1, 1))[0]


def counters(log: Log) -> Counter[Key]:
    """The hours as they lie in the table."""
    found = log.execute("SELECT measure, at, name, bucket, amount FROM statistics WHERE span = 'hour'")
    return Counter({Key(*key): amount for *key, amount in found})


def table(log: Log) -> list[tuple[Any, ...]]:
    return log.execute("SELECT * FROM statistics ORDER BY measure, span, at, name, bucket")


def by_job(events: list[RecordedEvent]) -> list[RecordedEvent]:
    return sorted(events, key=lambda event: (event.job_id, event.sequence))


class Counting:
    """The statistics are the log counted: with every commit, or from scratch."""

    @pytest.mark.parametrize("seed", range(4))
    def test_counted_with_every_commit_or_from_scratch_it_is_the_same(self, log: Log, seed: int) -> None:
        record_some(log, seed)
        assert counters(log) == count(by_job(log.rows()))
        before = table(log)
        assert {row[1] for row in before} == {"hour", "day"}
        log.execute("DELETE FROM statistics")
        log.writer.rebuild()
        assert table(log) == before

    def test_a_refused_list_counts_nothing(self, log: Log) -> None:
        log.append(started("a"))
        before = table(log)
        log.append_list(progressed("a"), progressed("nobody"))
        assert table(log) == before
        log.append_list(progressed("a"), progressed("a"))
        assert counters(log)[Key("event", NOON // HOUR, "job_progress")] == 2

    def test_a_repeated_event_counts_once(self, log: Log) -> None:
        log.append(started("a"), progressed("a", event_id="e"), progressed("a", event_id="e"))
        log.append(progressed("a", event_id="e"))
        assert counters(log)[Key("event", NOON // HOUR, "job_progress")] == 1

    def test_an_older_log_is_counted_when_it_is_opened(self, log: Log) -> None:
        record_some(log, 5)
        before = table(log)
        log.execute("DELETE FROM statistics")
        log.execute("DELETE FROM statistics_head")
        log.reopen()
        assert table(log) == before
        log.execute("DELETE FROM statistics")
        log.reopen()
        assert table(log) == []  # the version is the same: nothing is done

    def test_a_new_version_counts_each_log_once(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        record_some(log, 6)
        before = table(log)
        for module in (schema, statistics_table):
            monkeypatch.setattr(module, "STATISTICS_VERSION", statistics.STATISTICS_VERSION + 1)
        log.execute("DELETE FROM statistics")
        log.reopen()
        assert table(log) == before

    def test_what_was_counted_of_pruned_jobs_stays(self, log: Log) -> None:
        record_some(log, 7)
        before = table(log)
        log.prune(2**53)
        assert table(log) == before
        log.writer.rebuild()
        assert table(log) == before

    def test_hours_after_the_pruned_jobs_are_counted_anew(self, log: Log) -> None:
        later = NOON + 5 * HOUR
        log.append(started("old"), completed("old"))
        log.append(started("new"), at=later)
        before = table(log)
        log.prune(NOON + HOUR)
        log.execute("UPDATE statistics SET amount = 77")
        log.writer.rebuild()
        hours = {key.hour: amount for key, amount in counters(log).items()}
        assert hours == {NOON // HOUR: 77, later // HOUR: 1}
        log.execute("UPDATE statistics_head SET kept_through = NULL")  # a control: nothing is kept
        log.writer.rebuild()
        assert table(log) != before
        assert counters(log) == {Key("event", later // HOUR, "job_started"): 1}

    @pytest.mark.parametrize("hours", [(None, None), (3, None), (None, 30), (5, 9), (2, 60), (12, 36), (11, 37)])
    async def test_a_window_holds_what_was_recorded_in_its_hours(
        self, log: Log, reader: Reader, hours: tuple[int | None, int | None]
    ) -> None:
        now = record_some(log, 8, 150)
        since, until = (None if hour is None else NOON // HOUR + hour for hour in hours)
        for group_by in (None, *GROUPINGS):
            query = StatisticsQuery(since=since, until=until, group_by=group_by)
            expected: Counter[Key] = Counter()
            measures = MEASURES[group_by]
            for key, amount in counters(log).items():
                if key.measure not in measures:
                    continue
                if (since is None or key.hour >= since) and (until is None or key.hour < until):
                    expected[key if group_by == "hour" else key._replace(hour=0)] += amount
            assert (await reader.statistics(query, now)).counters == expected

    @pytest.mark.parametrize("group_by", [None, *GROUPINGS])
    async def test_as_of_gives_the_answer_that_was_given_then(self, log: Log, reader: Reader, group_by: Any) -> None:
        query = read_query(group_by=group_by)
        given = []
        for seed in range(3):
            for name in (f"{seed}-a", f"{seed}-b"):
                log.append(started(name), stage_completed(name), error(name), at=NOON + seed * HOUR)
            log.append(completed(f"{seed}-b"), failed(f"{seed}-a"), at=NOON + seed * HOUR + SECOND)
            last = log.rows()[-1]
            given.append((last, answer(query, await reader.statistics(query, last.recorded_at))))
        log.append(started("late"), at=NOON + 9 * HOUR)
        now = NOON + 99 * HOUR
        for last, then in given:
            for as_of in (AsOf(position=last.position), AsOf(time=last.recorded_at)):
                asked = StatisticsQuery(group_by=group_by, as_of=as_of)
                assert await read_statistics(reader, asked, now) == then
        assert answer(query, await reader.statistics(query, now)) != given[-1][1]

    async def test_as_of_goes_with_a_window(self, log: Log, reader: Reader) -> None:
        now = record_some(log, 9)
        rows = log.rows()
        middle = rows[len(rows) // 2].position
        since = NOON // HOUR + 1
        query = StatisticsQuery(since=since, group_by="hour")
        until_then = count(by_job(rows)) - count(by_job(rows), middle)
        expected = {key: amount for key, amount in until_then.items() if key.hour >= since and key.measure == "event"}
        assert (await reader.statistics(query, now, middle)).counters == expected
        assert expected

    async def test_an_as_of_below_the_horizon_is_refused(self, log: Log, reader: Reader) -> None:
        log.append(started("a"), completed("a"))
        log.append(started("b"), progressed("b"), progressed("b"), at=NOON + HOUR)
        log.prune(NOON + HOUR)
        now = NOON + 2 * HOUR
        with pytest.raises(HistoryPruned):
            await read_statistics(reader, StatisticsQuery(as_of=AsOf(position=1)), now)
        with pytest.raises(InvalidQuery, match="below the horizon 2"):  # pruned since the moment was found
            await reader.statistics(StatisticsQuery(), now, 1)
        kept = await reader.statistics(StatisticsQuery(), now, 2)
        assert kept.counters[Key("event", 0, "job_completed")] == 1  # of a job that is gone

    async def test_an_as_of_too_far_back_is_refused(self, log: Log, reader: Reader) -> None:
        log.append(started("a"))
        log.execute("UPDATE log_head SET position = :far", far=MAX_LATER + 2)
        with pytest.raises(InvalidQuery, match="more than 20,000 events before the end"):
            await reader.statistics(StatisticsQuery(), NOON, 1)
        assert (await reader.statistics(StatisticsQuery(), NOON, 2)).position == 2  # a control

    async def test_an_empty_log_has_empty_statistics(self, log: Log, reader: Reader) -> None:
        for position in (None, 0):
            tally = await reader.statistics(StatisticsQuery(), NOON, position)
            assert (tally.counters, tally.active, tally.hours) == (Counter(), 0, 0)

    async def test_finished_jobs_are_those_that_succeeded_newest_first(self, log: Log, reader: Reader) -> None:
        log.append(started("a"), started("b"), started("c"), started("d"))
        log.append(completed("b"), failed("c"), completed("a"), at=NOON + HOUR)
        for since, expected in ((0, ["a", "b"]), (NOON + HOUR + 2 * SECOND, ["a"]), (NOON + 2 * HOUR, [])):
            assert [job.job_id for job in await reader.finished_jobs(since, 9)] == expected
            assert [job.job_id for job in log.writer.finished_jobs(since, 9)] == expected
        assert [job.job_id for job in await reader.finished_jobs(0, 1)] == ["a"]
        assert [job.job_id for job in await reader.finished_jobs(0, 9, frozenset({"b"}))] == ["b"]
