from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import NOON, SECOND, appends, completed, started
from tests.tracker.doubles import WAIT, GatedWriter, MemoryWriter, recording
from tracker.clock import Clock
from tracker.errors import ClockDoubtful, StoreUnavailable
from tracker.recorder import Recorder
from tracker.retention import Retention, RetentionPolicy
from tracker.store.base import Pruned
from tracker.store.sqlite import SqliteStore

MINUTE = RetentionPolicy(keep_for_seconds=60)


class Pruner(MemoryWriter):
    """Answers each step as it is told, and notes what it was asked."""

    def __init__(self, *steps: Pruned | Exception) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []
        self.ran_out = threading.Event()
        self._steps = list(steps)

    def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
        self.asked.append((finished_before, now))
        if not self._steps:
            self.ran_out.set()
            return Pruned(jobs=0, events=0, done=True)
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Recorder]:
    store = SqliteStore(tmp_path / "log.db")
    with recording(store.writer) as recorder:
        yield recorder
    store.close()


def test_jobs_are_kept_for_30_days_by_default() -> None:
    assert RetentionPolicy().finished_before(NOON) == NOON - 30 * 86_400 * SECOND
    assert RetentionPolicy(keep_for_seconds=0.5).finished_before(NOON) == NOON - 500_000


@pytest.mark.parametrize(("age", "removed"), [(59, 0), (61, 1)])
def test_a_job_goes_when_its_time_is_over(on_disk: Recorder, age: int, removed: int) -> None:
    on_disk.ask(lambda writer: writer.append(appends(started("a"), completed("a"), at=NOON - SECOND)))
    pruned = Retention(on_disk, MINUTE, 3600).prune_once(NOON + age * SECOND)
    assert (pruned.jobs, pruned.events, pruned.done) == (removed, 2 * removed, True)
    assert on_disk.ask(lambda writer: len(writer.read(0, 10))) == 2 - 2 * removed


def test_the_steps_are_added_up_until_all_is_done() -> None:
    writer = Pruner(
        Pruned(jobs=1, events=10, done=False),
        Pruned(jobs=0, events=10, done=False),
        Pruned(jobs=2, events=5, done=True),
    )
    with recording(writer) as recorder:
        assert Retention(recorder, MINUTE, 3600).prune_once(NOON) == Pruned(jobs=3, events=25, done=True)
    assert writer.asked == [(NOON - 60 * SECOND, NOON)] * 3


def test_callers_events_go_between_the_steps() -> None:
    order: list[str] = []

    class Ordered(Pruner):
        def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
            order.append("step")
            if len(order) == 1:
                recorder.record(started("a")).add_done_callback(lambda: order.append("event"))
            return super().prune(finished_before, now, max_events)

    with recording(Ordered(Pruned(jobs=0, events=1, done=False))) as recorder:
        Retention(recorder, MINUTE, 3600).prune_once(NOON)
    assert order == ["step", "event", "step"]


def test_a_thread_prunes_every_interval_and_stops() -> None:
    writer = Pruner(*[Pruned(jobs=1, events=2, done=True)] * 3)
    with recording(writer) as recorder:
        retention = Retention(recorder, MINUTE, 0.001)
        retention.start()
        assert writer.ran_out.wait(WAIT)
        retention.stop()
        count = len(writer.asked)
        assert count >= 4
        recorder.flush(WAIT)
        assert len(writer.asked) == count


def test_a_thread_stops_at_once_in_the_midst_of_its_interval() -> None:
    writer = Pruner()
    with recording(writer) as recorder:
        retention = Retention(recorder, MINUTE, 3600)
        retention.start()
        assert writer.ran_out.wait(WAIT)
        retention.stop(WAIT)
    assert len(writer.asked) == 1


def test_a_failure_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    writer = Pruner(StoreUnavailable("full"), StoreUnavailable("full"))
    with recording(writer) as recorder, caplog.at_level(logging.WARNING, "tracker"):
        retention = Retention(recorder, MINUTE, 0.001)
        retention.start()
        assert writer.ran_out.wait(WAIT)
        retention.stop()
    assert caplog.text.count("Retention did not run") == 2


def test_what_was_removed_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    writer = Pruner(Pruned(jobs=3, events=9, done=True))
    with recording(writer) as recorder, caplog.at_level(logging.INFO, "tracker"):
        retention = Retention(recorder, MINUTE, 0.001)
        retention.start()
        assert writer.ran_out.wait(WAIT)
        retention.stop()
    assert [record.getMessage() for record in caplog.records] == ["Retention removed 3 jobs (9 events)"]


def test_stopping_does_not_wait_for_a_log_that_is_unavailable() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        recorder.record(started("a"))
        assert writer.entered.wait(WAIT)
        retention = Retention(recorder, MINUTE, 3600)
        retention.start()
        retention.stop(0.01)
        writer.gate.set()


def test_stopping_without_having_started_is_harmless() -> None:
    with recording(MemoryWriter()) as recorder:
        Retention(recorder, MINUTE, 3600).stop()


# A clock that may be wrong.


class Hands:
    """A clock that is moved by the test, and seconds that go by."""

    def __init__(self) -> None:
        self.wall, self.elapsed = NOON, 0.0
        self.clock = Clock(lambda: self.wall, lambda: self.elapsed)

    def go_by(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.elapsed += seconds

    def set(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)


DAY = 86_400.0


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def old(on_disk: Recorder, hands: Hands) -> Retention:
    """A job that is over, two minutes ago: it is due."""
    on_disk.ask(lambda writer: writer.append(appends(started("a"), completed("a"), at=NOON)))
    hands.go_by(120)
    return Retention(on_disk, MINUTE, 3600, hands.clock)


@pytest.mark.parametrize("seconds", [0, 299, -299])
def test_a_clock_that_is_kept_in_step_is_believed(old: Retention, hands: Hands, seconds: float) -> None:
    hands.set(seconds)
    old.prune_due()
    hands.go_by(600)
    assert old.prune_due().done


@pytest.mark.parametrize(("seconds", "told"), [(-3600, "set back"), (301, "set forward"), (3650 * DAY, "set forward")])
def test_nothing_is_pruned_by_a_clock_that_was_set(old: Retention, hands: Hands, seconds: float, told: str) -> None:
    hands.set(seconds)
    with pytest.raises(ClockDoubtful, match=f"{told} while the tracker ran"):
        old.prune_due()
    hands.go_by(DAY - 1)
    with pytest.raises(ClockDoubtful, match=told):
        old.prune_due()


def test_it_is_believed_after_a_day_or_when_it_is_told_to(old: Retention, hands: Hands) -> None:
    hands.set(3650 * DAY)
    with pytest.raises(ClockDoubtful):
        old.prune_due()
    hands.go_by(DAY)
    assert old.prune_due().jobs == 1


def test_it_is_believed_when_that_is_said(old: Retention, hands: Hands) -> None:
    hands.set(3650 * DAY)
    assert old.prune_due(trusts_clock=True).jobs == 1


def test_a_machine_that_slept_is_no_clock_that_was_set(old: Retention, hands: Hands) -> None:
    hands.go_by(30 * DAY)
    assert old.prune_due().jobs == 1


@pytest.mark.parametrize(("days", "removed"), [(89, 1), (91, None)])
def test_a_clock_that_was_set_before_the_start_is_known_by_a_long_pause(
    on_disk: Recorder, days: int, removed: int | None
) -> None:
    on_disk.ask(lambda writer: writer.append(appends(started("a"), completed("a"), at=NOON)))
    at = NOON + days * int(DAY) * SECOND
    # What is recorded with the same clock says nothing of it.
    on_disk.ask(lambda writer: writer.append(appends(started("b"), at=at)))
    retention = Retention(on_disk, MINUTE, 3600, Clock(lambda: at + SECOND, lambda: 0.0))
    if removed is None:
        with pytest.raises(ClockDoubtful, match="91 days past what was recorded last before today"):
            retention.prune_due()
    else:
        assert retention.prune_due().jobs == removed


def test_in_a_log_of_today_there_is_nothing_to_doubt(on_disk: Recorder, hands: Hands) -> None:
    retention = Retention(on_disk, MINUTE, 3600, hands.clock)
    assert retention.prune_due().done
    on_disk.ask(lambda writer: writer.append(appends(started("a"), completed("a"), at=NOON)))
    hands.go_by(100)
    assert retention.prune_due().jobs == 1
