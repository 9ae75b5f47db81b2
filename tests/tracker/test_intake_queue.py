from __future__ import annotations

import threading
from functools import partial
from itertools import pairwise

import pytest

from tests.tracker.doubles import WAIT, in_threads
from tracker.errors import RecorderClosed, RecorderFull
from tracker.intake_queue import IntakeQueue


class Item:
    """A numbered item of a caller."""

    def __init__(self, number: int, caller: int = 0) -> None:
        self.number = number
        self.caller = caller
        self.accepted_at = 0


def queue(capacity: int = 3, capacity_bytes: int = 100, timeout: float = WAIT) -> IntakeQueue[Item]:
    return IntakeQueue(capacity, capacity_bytes, timeout)


def put(target: IntakeQueue[Item], *numbers: int, size: int = 1) -> None:
    for number in numbers:
        target.put(Item(number), 1, size)


def take(target: IntakeQueue[Item]) -> list[int]:
    return [item.number for item in target.take()]


def test_items_are_taken_in_order_and_all_at_once() -> None:
    intake = queue()
    put(intake, 1, 2, 3)
    assert take(intake) == [1, 2, 3]


def test_what_is_taken_holds_its_room_until_it_is_released() -> None:
    intake = queue(capacity=2, timeout=0)
    put(intake, 1, 2)
    assert take(intake) == [1, 2]
    assert intake.depth == 2
    with pytest.raises(RecorderFull) as refused:
        put(intake, 3)
    assert refused.value.capacity == 2
    intake.release(1, 1)
    put(intake, 3)
    assert (intake.depth, take(intake)) == (2, [3])


def test_bytes_are_bounded_as_well() -> None:
    intake = queue(capacity_bytes=100, timeout=0)
    put(intake, 1, size=60)
    put(intake, 2, size=40)
    with pytest.raises(RecorderFull):
        put(intake, 3, size=1)
    intake.release(1, 60)
    put(intake, 3, size=60)


def test_an_item_larger_than_the_bound_passes_when_the_queue_is_empty() -> None:
    intake = queue(capacity_bytes=100, timeout=0)
    put(intake, 1, size=1000)
    with pytest.raises(RecorderFull):
        put(intake, 2, size=1)


def test_an_item_of_more_events_than_the_bound_passes_when_the_queue_is_empty() -> None:
    intake = queue(capacity=3, timeout=0)
    intake.put(Item(1), 5, 1)
    assert intake.depth == 5


def test_a_caller_waits_for_room_and_gets_it() -> None:
    intake = queue(capacity=1)
    put(intake, 1)
    assert take(intake) == [1]
    late = threading.Thread(target=put, args=(intake, 2), daemon=True)
    late.start()
    assert intake.depth == 1
    intake.release(1, 1)
    late.join(WAIT)
    assert take(intake) == [2]


def test_a_caller_that_does_not_wait_is_refused_at_once() -> None:
    intake = queue(capacity=1, timeout=1e6)
    put(intake, 1)
    with pytest.raises(RecorderFull):
        intake.put(Item(2), 1, 1, wait=False)
    assert take(intake) == [1]


def test_a_refused_item_is_not_stamped() -> None:
    intake = queue(capacity=1, timeout=0)
    first, second = Item(1), Item(2)
    intake.put(first, 1, 1)
    with pytest.raises(RecorderFull):
        intake.put(second, 1, 1)
    assert first.accepted_at > 0
    assert second.accepted_at == 0


def test_a_taker_waits_for_an_item() -> None:
    intake = queue()
    taken: list[int] = []
    in_threads(lambda: taken.extend(take(intake)), lambda: put(intake, 7))
    assert taken == [7]


def test_a_closed_queue_refuses_with_its_reason_and_gives_out_what_waits() -> None:
    intake = queue()
    put(intake, 1)
    intake.close("It is over.")
    intake.close("Another reason.")
    assert intake.closed
    with pytest.raises(RecorderClosed, match=r"It is over\."):
        put(intake, 2)
    assert take(intake) == [1]
    assert take(intake) == []


def test_closing_wakes_the_taker_and_the_callers_that_wait() -> None:
    full, empty = queue(capacity=1), queue()
    put(full, 1)
    taken: list[list[int]] = []

    def late() -> None:
        with pytest.raises(RecorderClosed):
            put(full, 2)

    in_threads(late, lambda: taken.append(take(empty)), partial(full.close, "over"), partial(empty.close, "over"))
    assert taken == [[]]
    assert take(full) == [1]


def test_a_disowned_queue_has_forgotten_everything_and_refuses() -> None:
    intake = queue()
    put(intake, 1)
    intake.disown("It is the parent's.")
    assert (intake.depth, take(intake)) == (0, [])
    with pytest.raises(RecorderClosed, match="parent"):
        put(intake, 2)


def test_many_callers_keep_their_own_order_and_lose_nothing_in_a_small_queue() -> None:
    intake = queue(capacity=5, capacity_bytes=10_000)
    callers, each = 8, 300
    taken: list[Item] = []

    def call(caller: int) -> None:
        for number in range(each):
            intake.put(Item(number, caller), 1, 1)

    def take_all() -> None:
        while len(taken) < callers * each:
            items = intake.take()
            assert 0 < len(items) <= 5
            taken.extend(items)
            intake.release(len(items), len(items))

    in_threads(take_all, *[partial(call, caller) for caller in range(callers)])
    for caller in range(callers):
        assert [item.number for item in taken if item.caller == caller] == list(range(each))
    assert all(earlier.accepted_at <= later.accepted_at for earlier, later in pairwise(taken))
    assert intake.depth == 0
