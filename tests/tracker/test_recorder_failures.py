"""The recorder before a store that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import pytest

from tests.builders import progressed, started
from tests.tracker.doubles import WAIT, FailingWriter, GatedWriter, MemoryWriter, recording, until
from tracker import recorder as recorder_module
from tracker.errors import JobNotFound, RecorderClosed, StoreError, StoreUnavailable
from tracker.store.base import Append, Committed

BUSY = StoreUnavailable("The disk of the log is full.")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_FIRST_PAUSE", 0.001)


class Failures:
    """So many failures, then none; ``over`` is set when they are used up."""

    def __init__(self, count: int, error: Exception = BUSY) -> None:
        self.left = count
        self.over = threading.Event()
        self._error = error

    def __call__(self, _: Sequence[Append]) -> Exception | None:
        if self.left:
            self.left -= 1
            return self._error
        self.over.set()
        return None


class Outage:
    """A failure until the test ends it; ``begun`` is set with the first."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()

    def __call__(self, _: Sequence[Append]) -> Exception | None:
        if self.ended.is_set():
            return None
        self.begun.set()
        return BUSY


def test_an_unavailable_store_is_tried_again_until_it_takes_the_events() -> None:
    writer = FailingWriter(Failures(5))
    with recording(writer) as recorder:
        receipts = [recorder.record(started("a")), recorder.record(progressed("a"))]
        assert [receipt.wait(WAIT) for receipt in receipts] == [1, 2]
        assert recorder.unavailable is None
    assert writer.attempts >= 6
    assert writer.settled == 5
    assert [row.sequence for row in writer.rows] == [1, 2]


def test_every_failed_append_is_settled_before_the_next() -> None:
    calls: list[str] = []

    class Watched(FailingWriter):
        def append(self, appends: Sequence[Append]) -> Committed:
            calls.append("append")
            return super().append(appends)

        def settle(self) -> Committed | None:
            calls.append("settle")
            return super().settle()

    with recording(Watched(Failures(2))) as recorder:
        recorder.record(started("a")).wait(WAIT)
    assert calls == ["append", "settle", "append", "settle", "append"]


def test_a_commit_that_took_effect_after_all_is_acknowledged_and_not_written_again() -> None:
    told: list[int] = []
    writer = FailingWriter(Failures(1), took_effect=True)
    with recording(writer, on_commit=lambda rows: told.extend(row.position for row in rows)) as recorder:
        receipts = [recorder.record(started("a")), recorder.record(progressed("a"))]
        assert [receipt.wait(WAIT) for receipt in receipts] == [1, 2]
        recorder.flush(WAIT)
        assert recorder.unavailable is None
    assert [row.position for row in writer.rows] == told == [1, 2]


def test_settling_is_tried_until_it_succeeds() -> None:
    writer = FailingWriter(Failures(1), took_effect=True, settle_failures=[BUSY, StoreError("damaged"), BUSY])
    with recording(writer) as recorder:
        assert recorder.record(started("a")).wait(WAIT) == 1
    assert writer.settled == 4
    assert len(writer.rows) == 1


def test_an_impatient_caller_is_refused_when_the_store_is_unavailable() -> None:
    outage = Outage()
    writer = FailingWriter(outage)
    with recording(writer) as recorder:
        patient = recorder.record(started("a"))
        assert outage.begun.wait(WAIT)
        until(lambda: recorder.unavailable is not None)  # the failure is noted just after it was raised
        with pytest.raises(StoreUnavailable):
            recorder.record(started("b"), patient=False)
        assert not patient.done
        outage.ended.set()
        assert patient.wait(WAIT) == 1
        assert recorder.record(started("b"), patient=False).wait(WAIT) == 2


def test_an_impatient_append_in_a_failing_group_is_refused_and_the_patient_ones_are_written() -> None:
    gate = threading.Event()
    attempts = [0]

    def fail_the_second(_: Sequence[Append]) -> Exception | None:
        attempts[0] += 1
        assert gate.wait(WAIT)
        return BUSY if attempts[0] == 2 else None

    writer = FailingWriter(fail_the_second)
    with recording(writer) as recorder:
        first = recorder.record(started("first"))
        until(lambda: attempts[0] > 0)  # until the first group is with the writer
        patient, impatient = recorder.record(started("a")), recorder.record(started("b"), patient=False)
        gate.set()
        assert first.wait(WAIT) == 1
        with pytest.raises(StoreUnavailable):
            impatient.wait(WAIT)
        assert patient.wait(WAIT) == 2
    assert [row.job_id for row in writer.rows] == ["first", "a"]


def test_an_impatient_caller_tries_the_store_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_LONGEST_PAUSE", 0.0)
    writer = FailingWriter(Failures(1))
    with recording(writer) as recorder:
        with pytest.raises(StoreUnavailable):
            recorder.record(started("a"), patient=False).wait(WAIT)
        until(lambda: recorder.unavailable is None)  # as nobody tries: the next one does, and is let in for that
        assert recorder.record(started("a"), patient=False).wait(WAIT) == 1
        assert recorder.unavailable is None


def test_an_event_that_the_database_will_not_take_does_not_cost_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def poisoned(appends: Sequence[Append]) -> Exception | None:
        has_poison = any(event.job_id == "poison" for append in appends for event in append.events)
        return StoreError("The log cannot be used: datatype mismatch.") if has_poison else None

    writer = FailingWriter(poisoned)
    gate = GatedWriter()
    with recording(writer) as recorder:
        asking = threading.Thread(target=lambda: recorder.ask(lambda _: gate.gate.wait(WAIT)))
        asking.start()
        until(lambda: recorder.depth > 0)  # the recorder is busy with the question: what follows gathers in one group
        before, poison, after = (recorder.record(started(job_id)) for job_id in ("a", "poison", "b"))
        gate.gate.set()
        assert (before.wait(WAIT), after.wait(WAIT)) == (1, 2)
        with pytest.raises(StoreError, match="datatype mismatch"):
            poison.wait(WAIT)
        asking.join(WAIT)
        assert recorder.record(started("c")).wait(WAIT) == 3
    assert [row.job_id for row in writer.rows] == ["a", "b", "c"]
    assert "job_started of job 'poison' was not recorded" in caplog.text


def test_a_defect_of_the_writer_refuses_its_group_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    writer = FailingWriter(Failures(1, ZeroDivisionError("a defect")))
    with recording(writer) as recorder:
        with pytest.raises(StoreError, match="a defect"):
            recorder.record(started("a")).wait(WAIT)
        assert recorder.record(started("b")).wait(WAIT) == 1
        recorder.flush(WAIT)
        assert recorder.depth == 0
    assert "1 events were not recorded" in caplog.text


def test_an_outage_is_logged_once_and_not_at_every_attempt(caplog: pytest.LogCaptureFixture) -> None:
    with recording(FailingWriter(Failures(8))) as recorder, caplog.at_level(logging.ERROR, "tracker"):
        recorder.record(started("a")).wait(WAIT)
    assert caplog.text.count("The disk of the log is full.") == 1


def test_closing_gives_up_on_a_store_that_stays_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage()
    writer = FailingWriter(outage)
    with recording(writer, close_timeout=0.01) as recorder:
        receipts = [recorder.record(started(str(number))) for number in range(3)]
        assert outage.begun.wait(WAIT)
        late = recorder.record(started("late"))
        recorder.close(0.01)
        for receipt in (*receipts, late):
            with pytest.raises(StoreUnavailable):
                receipt.wait(WAIT)
        with pytest.raises(RecorderClosed):
            recorder.record(started("after"))
    assert writer.rows == []
    assert "events were not recorded" in caplog.text


def test_closing_gives_up_also_while_the_outcome_is_unknown() -> None:
    begun = threading.Event()

    class Lost(MemoryWriter):
        def append(self, appends: Sequence[Append]) -> Committed:
            raise BUSY

        def settle(self) -> Committed | None:
            begun.set()
            raise BUSY

    with recording(Lost(), close_timeout=0.01) as recorder:
        receipt = recorder.record(started("a"))
        assert begun.wait(WAIT)
        recorder.close(0.01)
        with pytest.raises(StoreUnavailable):
            receipt.wait(WAIT)


def test_a_question_that_waits_behind_an_outage_is_answered_when_closing_gives_up() -> None:
    outage = Outage()
    found: list[object] = []

    def ask() -> None:
        with pytest.raises(JobNotFound):
            recorder.ask(lambda log: log.load_job("a"))
        found.append("answered")

    with recording(FailingWriter(outage), close_timeout=0.01) as recorder:
        recorder.record(started("a"))
        assert outage.begun.wait(WAIT)
        depth = recorder.depth
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        until(lambda: recorder.depth > depth)  # until the question is in the queue
        recorder.close(0.01)
        asking.join(WAIT)
    assert found == ["answered"]


def test_closing_returns_also_when_the_store_hangs() -> None:
    writer = GatedWriter()
    with recording(writer, close_timeout=0.01) as recorder:
        receipt = recorder.record(started("a"))
        assert writer.entered.wait(WAIT)
        recorder.close(0.01)
        assert not receipt.done
        writer.gate.set()
        assert receipt.wait(WAIT) == 1


def test_who_is_not_patient_does_not_wait_behind_who_is() -> None:
    outage = Outage()
    with recording(FailingWriter(outage)) as recorder:
        waiting = recorder.record(started("a"))
        outage.begun.wait(WAIT)
        # Each comes in before the recorder says that the log is away, or when it may be tried again.
        recorder._try_again_at = 0.0
        hasty = [recorder.record(progressed("a"), patient=False) for _ in range(3)]
        for receipt in hasty:
            with pytest.raises(StoreUnavailable, match="full"):
                receipt.wait(WAIT)
        assert not waiting.done
        until(lambda: recorder.depth == 1)
        outage.ended.set()
        assert waiting.wait(WAIT) == 1
