from __future__ import annotations

import pytest

from tests.builders import NOON, SECOND, appends, completed, failed, progressed, started
from tests.contract.log import Log, positions
from tracker.errors import JobNotFound, JobPruned

HOUR = 3600 * SECOND


def finish(log: Log, job_id: str, at: int, events: int = 2) -> None:
    """A job of so many events that finished at a time."""
    first, last = started(job_id), completed(job_id)
    log.append(first, *[progressed(job_id)] * (events - 2), at=NOON)
    log.append(last, at=at)


class Pruning:
    """Whole jobs go, never an unfinished one, and what is gone is gone for good."""

    @pytest.mark.parametrize(("age", "stays"), [(59, True), (60, True), (61, False)])
    def test_a_job_stays_for_the_time_it_is_kept_and_not_longer(self, log: Log, age: int, stays: bool) -> None:
        now = NOON + HOUR
        finish(log, "a", now - age * SECOND)
        (step,) = log.prune(now - 60 * SECOND)
        assert (step.jobs, step.events, step.done) == ((0, 0, True) if stays else (1, 2, True))
        assert log.positions() == ([1, 2] if stays else [])

    def test_an_unfinished_job_stays_for_ever(self, log: Log) -> None:
        log.append(started("old"), progressed("old"))
        finish(log, "done", NOON + SECOND)
        log.prune(2**53)
        assert [row.job_id for row in log.rows()] == ["old", "old"]
        assert log.writer.load_job("old").status == "active"
        assert positions(log.append(completed("old")).outcomes[0]) == [5]

    def test_failed_jobs_go_as_completed_ones(self, log: Log) -> None:
        log.append(started("a"), failed("a"))
        log.prune(2**53)
        assert log.positions() == []

    def test_the_id_of_a_pruned_job_is_never_used_again(self, log: Log) -> None:
        finish(log, "a", NOON)
        log.prune(2**53)
        for reopened in (False, True):
            if reopened:
                log.reopen()
            for event in (started("a"), started("a", photo_id=7), progressed("a"), completed("a")):
                assert isinstance(log.append(event).outcomes[0], JobPruned)
            with pytest.raises(JobPruned):
                log.writer.load_job("a")
            with pytest.raises(JobNotFound):
                log.writer.load_job("b")

    def test_the_event_ids_of_a_pruned_job_are_free(self, log: Log) -> None:
        log.append(started("a", event_id="e1"), completed("a"))
        log.prune(2**53)
        assert positions(log.append(started("b", event_id="e1")).outcomes[0]) == [3]

    def test_the_horizon_is_the_highest_position_that_was_pruned(self, log: Log) -> None:
        log.append(started("a"), started("b"), started("c"), completed("b"), completed("a"))
        assert log.head().horizon == 0
        log.prune(NOON + 3 * SECOND + 1)  # b alone
        assert log.head().horizon == 4
        assert log.positions() == [1, 3, 5]
        log.prune(NOON + HOUR)
        assert log.head().horizon == 5
        assert log.positions() == [3]

    def test_positions_are_not_used_again_when_the_newest_rows_were_pruned(self, log: Log) -> None:
        log.append(started("a"))
        finish(log, "newest", NOON)
        log.prune(2**53)
        assert log.head().position == 3
        log.reopen()
        assert positions(log.append(progressed("a")).outcomes[0]) == [4]

    def test_an_empty_log_goes_on_where_it_was(self, log: Log) -> None:
        finish(log, "a", NOON)
        log.prune(2**53)
        log.reopen()
        assert (log.head().position, log.head().horizon) == (2, 2)
        assert positions(log.append(started("b")).outcomes[0]) == [3]

    def test_a_big_job_goes_in_several_steps_and_is_pruned_from_the_first_on(self, log: Log) -> None:
        finish(log, "big", NOON, events=25)
        first = log.writer.prune(2**53, NOON, 10)
        assert (first.jobs, first.events, first.done) == (1, 10, False)
        assert len(log.positions()) == 15
        assert log.head().horizon == 25
        with pytest.raises(JobPruned):
            log.writer.load_job("big")
        assert isinstance(log.append(progressed("big")).outcomes[0], JobPruned)
        rest = log.prune(2**53, 10)
        assert sum(step.events for step in rest) == 15
        assert sum(step.jobs for step in rest) == 0
        assert log.positions() == []

    def test_a_step_that_was_interrupted_is_resumed_after_reopening(self, log: Log) -> None:
        finish(log, "big", NOON, events=25)
        log.append(started("other"))
        assert not log.writer.prune(2**53, NOON, 10).done
        log.reopen()
        # Nothing more is due; what was begun is finished all the same.
        assert sum(step.events for step in log.prune(0, 10)) == 15
        assert [row.job_id for row in log.rows()] == ["other"]

    @pytest.mark.parametrize("jobs", [99, 100, 101, 205])
    def test_many_jobs_go_in_bounded_steps(self, log: Log, jobs: int) -> None:
        for first in range(0, jobs, 50):
            names = [str(number) for number in range(first, min(jobs, first + 50))]
            log.writer.append(appends(*map(started, names), *map(completed, names)))
        steps = log.prune(2**53)
        assert all(step.jobs <= 100 for step in steps)
        assert (sum(step.jobs for step in steps), sum(step.events for step in steps)) == (jobs, 2 * jobs)
        assert (log.positions(), log.job_rows()) == ([], [])

    @pytest.mark.parametrize("max_events", [1, 3, 4, 5, 8])
    def test_a_step_removes_no_more_events_than_it_may(self, log: Log, max_events: int) -> None:
        for name in "abc":
            finish(log, name, NOON, events=4)
        steps = log.prune(2**53, max_events)
        assert all(step.events <= max_events for step in steps)
        assert (sum(step.jobs for step in steps), sum(step.events for step in steps)) == (3, 12)
        assert log.positions() == []

    def test_pruning_again_does_nothing(self, log: Log) -> None:
        finish(log, "a", NOON)
        log.prune(2**53)
        before = log.head()
        (step,) = log.prune(2**53)
        assert (step.jobs, step.events, log.head()) == (0, 0, before)
