from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial

import pytest

from tests.builders import started
from tests.tracker.doubles import WAIT, in_threads
from tests.tracker.recordings import recorded
from tracker.errors import JobFinished
from tracker.receipt import Receipt

ROWS = tuple(recorded(started("a"), started("b")))


def settled() -> Receipt:
    receipt = Receipt()
    receipt.settle(ROWS)
    return receipt


def test_a_settled_receipt_knows_the_position_of_the_last_event() -> None:
    receipt = settled()
    assert receipt.done
    assert receipt.wait() == receipt.wait(0) == 2
    assert receipt.result() == ROWS


def test_an_unsettled_receipt_says_so() -> None:
    receipt = Receipt()
    assert not receipt.done
    with pytest.raises(RuntimeError, match="not settled yet"):
        receipt.result()
    for timeout in (0, 0.001):
        with pytest.raises(TimeoutError, match="still may be"):
            receipt.wait(timeout)


def test_a_wait_that_gave_up_leaves_the_receipt_as_it_is() -> None:
    receipt = Receipt()
    with pytest.raises(TimeoutError):
        receipt.wait(0)
    receipt.settle(ROWS)
    assert receipt.wait(0) == 2


def test_a_refusal_is_raised_by_every_way_of_asking() -> None:
    receipt = Receipt()
    receipt.settle(JobFinished("a"))
    assert receipt.done
    for ask in (receipt.wait, receipt.result):
        with pytest.raises(JobFinished):
            ask()


def test_everybody_who_waits_is_woken() -> None:
    receipt = Receipt()
    positions: list[int] = []
    waiters = [lambda: positions.append(receipt.wait(WAIT))] * 20
    in_threads(*waiters, lambda: receipt.settle(ROWS))
    assert positions == [2] * 20


def test_a_callback_is_called_on_the_settling_thread() -> None:
    receipt = Receipt()
    threads: list[int] = []
    receipt.add_done_callback(lambda: threads.append(threading.get_ident()))
    settling = threading.Thread(target=receipt.settle, args=(ROWS,))
    settling.start()
    settling.join(WAIT)
    assert threads == [settling.ident]


def test_a_callback_of_a_settled_receipt_is_called_at_once() -> None:
    called: list[bool] = []
    receipt = settled()
    receipt.add_done_callback(lambda: called.append(receipt.done))
    assert called == [True]


@pytest.mark.parametrize("attempt", range(100))
def test_callbacks_that_race_with_the_settling_are_called_once_each(attempt: int) -> None:
    receipt = Receipt()
    calls: list[int] = []
    adders = [partial(receipt.add_done_callback, partial(calls.append, number)) for number in range(3)]
    in_threads(*adders, partial(receipt.settle, ROWS))
    assert sorted(calls) == [0, 1, 2]


class Overtaken(Receipt):
    """Settled by another thread just after the first look, which saw no waiter yet."""

    __slots__ = ()

    def _is_settled(self) -> bool:
        found = super()._is_settled()
        self._outcome = ROWS
        return found


def test_a_callback_that_came_just_too_late_for_the_settling_is_called_all_the_same() -> None:
    receipt = Overtaken()
    called: list[bool] = []
    receipt.add_done_callback(lambda: called.append(True))
    assert called == [True]
    receipt.settle(ROWS)
    assert called == [True]


def test_a_callback_that_fails_is_logged_and_the_others_are_called(caplog: pytest.LogCaptureFixture) -> None:
    receipt = Receipt()
    called: list[str] = []
    receipt.add_done_callback(lambda: called.append("first"))
    receipt.add_done_callback(lambda: [][0])
    receipt.add_done_callback(lambda: called.append("last"))
    with caplog.at_level(logging.ERROR, "tracker"):
        receipt.settle(ROWS)
    assert called == ["first", "last"]
    assert "callback failed" in caplog.text


async def test_a_receipt_can_be_awaited_before_and_after_it_is_settled() -> None:
    receipt = Receipt()
    waiting = [asyncio.create_task(_awaited(receipt)) for _ in range(5)]
    await asyncio.sleep(0)  # every task has begun to wait
    thread = threading.Thread(target=receipt.settle, args=(ROWS,))
    thread.start()
    assert await asyncio.wait_for(asyncio.gather(*waiting), WAIT) == [ROWS] * 5
    assert await receipt == ROWS
    thread.join(WAIT)


async def test_awaiting_a_refusal_raises_it() -> None:
    receipt = Receipt()
    waiting = asyncio.create_task(_awaited(receipt))
    await asyncio.sleep(0)
    receipt.settle(JobFinished("a"))
    with pytest.raises(JobFinished):
        await waiting


async def test_a_task_that_gave_up_waiting_harms_nobody() -> None:
    receipt = Receipt()
    gone, there = (asyncio.create_task(_awaited(receipt)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    receipt.settle(ROWS)
    assert await there == ROWS
    assert (await asyncio.gather(gone, return_exceptions=True))[0].__class__ is asyncio.CancelledError


def test_a_loop_that_is_gone_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    receipt = Receipt()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_awaited(receipt), 0.001))
    receipt.settle(ROWS)
    assert receipt.wait(0) == 2
    assert caplog.text == ""


async def _awaited(receipt: Receipt) -> object:
    return await receipt
