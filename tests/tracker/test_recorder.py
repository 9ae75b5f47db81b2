from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from tests.builders import progressed, started
from tests.tracker.doubles import WAIT, GatedWriter, MemoryWriter, in_threads, recording, until
from tracker.errors import InvalidEvent, JobNotFound, RecorderClosed, RecorderFull
from tracker.events import RecordedEvent
from tracker.receipt import Receipt
from tracker.store.base import Writer


def test_a_receipt_tells_the_position_once_the_event_is_committed() -> None:
    writer = MemoryWriter()
    with recording(writer) as recorder:
        assert recorder.record(started("a")).wait(WAIT) == 1
        assert recorder.record(progressed("a"), progressed("a")).wait(WAIT) == 3
    assert [row.position for row in writer.rows] == [1, 2, 3]


def test_a_call_returns_before_its_event_is_durable() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        receipt = recorder.record(started("a"))
        assert not receipt.done
        assert writer.entered.wait(WAIT)
        assert not receipt.done
        writer.gate.set()
        assert receipt.wait(WAIT) == 1


def test_a_refusal_is_on_the_receipt_and_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    writer = MemoryWriter()
    with recording(writer) as recorder, caplog.at_level(logging.WARNING, "tracker"):
        refused, taken = recorder.record(progressed("nobody")), recorder.record(started("a"))
        with pytest.raises(JobNotFound):
            refused.wait(WAIT)
        assert taken.wait(WAIT) == 1
    assert "job_progress of job 'nobody' was not recorded" in caplog.text


def test_the_refusal_of_a_caller_that_looks_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with recording(MemoryWriter()) as recorder, pytest.raises(JobNotFound):
        recorder.record(progressed("nobody"), patient=False).wait(WAIT)
    assert caplog.text == ""


def test_the_refusal_of_a_list_logs_the_event_that_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    writer = MemoryWriter()
    with recording(writer) as recorder, pytest.raises(InvalidEvent) as refused:
        recorder.record(started("a"), progressed("a", stage="nowhere")).wait(WAIT)
    assert refused.value.index == 1
    assert "job_progress of job 'a'" in caplog.text
    assert writer.rows == []


def test_what_gathers_during_a_commit_is_committed_together() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        recorder.record(started("a"))
        assert writer.entered.wait(WAIT)
        receipts = [recorder.record(progressed("a")) for _ in range(50)]
        writer.gate.set()
        assert [receipt.wait(WAIT) for receipt in receipts] == list(range(2, 52))
    assert writer.batches == [1, 50]


def test_a_group_is_bounded() -> None:
    writer = GatedWriter()
    with recording(writer, batch_events=20) as recorder:
        recorder.record(started("a"))
        assert writer.entered.wait(WAIT)
        for _ in range(50):
            recorder.record(progressed("a"))
        writer.gate.set()
        recorder.flush(WAIT)
    assert writer.batches == [1, 20, 20, 10]


def test_many_threads_keep_their_own_order_without_gaps() -> None:
    writer = MemoryWriter()
    callers, each = 8, 250
    receipts: dict[int, list[Receipt]] = {}
    with recording(writer, capacity=64, batch_events=32) as recorder:

        def call(caller: int) -> None:
            job = f"job-{caller}"
            events = [started(job), *(progressed(job, number / 10) for number in range(each))]
            receipts[caller] = [recorder.record(event) for event in events]

        in_threads(*[partial(call, caller) for caller in range(callers)])
        recorder.flush(WAIT)
        assert recorder.depth == 0
    assert [row.position for row in writer.rows] == list(range(1, callers * (each + 1) + 1))
    assert all(earlier.recorded_at <= later.recorded_at for earlier, later in pairwise(writer.rows))
    for caller, held in receipts.items():
        rows = [row for row in writer.rows if row.job_id == f"job-{caller}"]
        assert [row.sequence for row in rows] == list(range(1, each + 2))
        assert [receipt.wait(0) for receipt in held] == [row.position for row in rows]


def test_a_question_is_answered_after_the_events_before_it() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        recorder.record(started("a"))
        recorder.record(progressed("a", 40))
        writer.gate.set()
        assert recorder.ask(lambda log: log.load_job("a").progress) == 40


def test_a_question_divides_the_groups_around_it() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        recorder.record(started("a"))
        assert writer.entered.wait(WAIT)
        heads: list[int] = []

        def ask(log: Writer) -> int:
            return log.head().position

        asking = threading.Thread(target=lambda: heads.append(recorder.ask(ask)))
        recorder.record(progressed("a"))
        depth = recorder.depth
        asking.start()
        until(lambda: recorder.depth > depth)  # until the question waits in its place
        recorder.record(progressed("a"))
        writer.gate.set()
        asking.join(WAIT)
    assert heads == [2]
    assert writer.batches == [1, 1, 1]


def test_an_error_of_a_question_is_raised_where_it_was_asked() -> None:
    with recording(MemoryWriter()) as recorder:
        with pytest.raises(JobNotFound):
            recorder.ask(lambda log: log.load_job("nobody"))
        with pytest.raises(ZeroDivisionError):
            recorder.ask(lambda _: 1 / 0)
        assert recorder.record(started("a")).wait(WAIT) == 1


def test_flush_gives_up_after_its_timeout_and_the_events_are_recorded_all_the_same() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        receipt = recorder.record(started("a"))
        with pytest.raises(TimeoutError):
            recorder.flush(0.01)
        writer.gate.set()
        recorder.flush(WAIT)
        assert receipt.done


def test_a_full_queue_refuses_after_the_timeout_and_drops_nothing() -> None:
    writer = GatedWriter()
    with recording(writer, capacity=5, queue_timeout=0.01) as recorder:
        receipts = [recorder.record(started(str(number))) for number in range(5)]
        with pytest.raises(RecorderFull) as refused:
            recorder.record(started("late"))
        assert refused.value.capacity == 5
        writer.gate.set()
        assert [receipt.wait(WAIT) for receipt in receipts] == [1, 2, 3, 4, 5]
        recorder.flush(WAIT)
        assert recorder.record(started("late")).wait(WAIT) == 6
    assert len(writer.rows) == 6


def test_callers_wait_for_room_while_the_store_is_slow() -> None:
    writer = GatedWriter()
    with recording(writer, capacity=5) as recorder:
        works: list[Callable[[], None]] = [partial(_record_many, recorder.record, str(one)) for one in range(4)]
        in_threads(*works, writer.gate.set)
        recorder.flush(WAIT)
    assert len(writer.rows) == 400


def _record_many(record: Callable[..., Receipt], caller: str) -> None:
    for number in range(100):
        record(started(f"{caller}-{number}"))


def test_an_impatient_caller_does_not_wait_for_room() -> None:
    writer = GatedWriter()
    with recording(writer, capacity=1, queue_timeout=1e6) as recorder:
        recorder.record(started("a"))
        with pytest.raises(RecorderFull):
            recorder.record(started("b"), patient=False)
        writer.gate.set()


def test_the_readers_are_told_of_each_commit_in_order_and_only_of_new_rows() -> None:
    told: list[list[RecordedEvent]] = []
    writer = MemoryWriter()
    with recording(writer, on_commit=told.append) as recorder:
        recorder.record(started("a")).wait(WAIT)
        recorder.record(started("a")).wait(WAIT)
        recorder.record(progressed("nobody"))
        recorder.record(progressed("a")).wait(WAIT)
        recorder.flush(WAIT)
    assert [row.position for rows in told for row in rows] == [1, 2]
    assert all(told)


def test_a_defect_in_a_listener_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: list[RecordedEvent]) -> None:
        raise ZeroDivisionError

    with recording(MemoryWriter(), on_commit=fail) as recorder:
        assert recorder.record(started("a")).wait(WAIT) == 1
        assert recorder.record(started("b")).wait(WAIT) == 2
    assert "Telling the readers of a commit failed" in caplog.text


def test_a_defect_in_a_receipts_callback_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told: list[list[RecordedEvent]] = []
    writer = GatedWriter()
    with recording(writer, on_commit=told.append) as recorder:
        first, second = recorder.record(started("a")), recorder.record(started("b"))
        first.add_done_callback(lambda: [][0])
        writer.gate.set()
        assert (first.wait(WAIT), second.wait(WAIT)) == (1, 2)
        recorder.flush(WAIT)
    assert [row.position for rows in told for row in rows] == [1, 2]
    assert "callback failed" in caplog.text


def test_a_coroutine_whose_loop_ended_takes_nobodys_receipt_with_it() -> None:
    writer = GatedWriter()

    async def give_up(receipt: Receipt) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_awaited(receipt), 0.001)

    with recording(writer) as recorder:
        abandoned, other = recorder.record(started("a")), recorder.record(started("b"))
        asyncio.run(give_up(abandoned))
        writer.gate.set()
        assert (abandoned.wait(WAIT), other.wait(WAIT)) == (1, 2)


async def _awaited(receipt: Receipt) -> tuple[RecordedEvent, ...]:
    return await receipt


def test_closing_writes_what_was_accepted_and_refuses_the_rest() -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        receipts = [recorder.record(started(str(number))) for number in range(100)]
        closing = threading.Thread(target=recorder.close, args=(WAIT,))
        closing.start()
        writer.gate.set()
        closing.join(WAIT)
        assert [receipt.wait(0) for receipt in receipts] == list(range(1, 101))
        with pytest.raises(RecorderClosed):
            recorder.record(started("late"))
        for ask in (lambda: recorder.ask(lambda log: log.head()), recorder.flush):
            with pytest.raises(RecorderClosed):
                ask()
        recorder.close()
    assert len(writer.rows) == 100
