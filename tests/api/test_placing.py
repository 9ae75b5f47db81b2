"""Where a stream begins, and what its client is told about that."""

from __future__ import annotations

import pytest

from api.placing import Start, cursor_id, read_cursor_id, start_at
from tracker.errors import InvalidQuery
from tracker.store.base import LogHead

HEAD = LogHead(10, 4, "e")
RESET = {"type": "reset", "epoch": "e", "head": 10}


@pytest.mark.parametrize("epoch", [None, "e"])
@pytest.mark.parametrize("after", [4, 5, 10])
def test_a_cursor_of_this_log_is_where_the_stream_begins(after: int, epoch: str | None) -> None:
    assert start_at(after, epoch, HEAD) == Start(after)


@pytest.mark.parametrize("after", [0, 3])
def test_a_cursor_below_the_horizon_is_told_what_is_gone(after: int) -> None:
    assert start_at(after, "e", HEAD) == Start(after, ({"type": "truncated", "after": after, "horizon": 4},))


@pytest.mark.parametrize("after", [11, 2**53 - 1])
def test_a_cursor_beyond_the_head_is_refused(after: int) -> None:
    with pytest.raises(InvalidQuery, match="after: is beyond the head of the log, 10"):
        start_at(after, None, HEAD)


def test_a_cursor_of_this_log_and_beyond_its_head_is_of_a_log_that_went_back() -> None:
    assert start_at(11, "e", LogHead(10, 0, "e")) == Start(0, (RESET,))


@pytest.mark.parametrize("after", [0, 7, 99])
def test_a_cursor_of_another_log_begins_at_the_start_of_this(after: int) -> None:
    assert start_at(after, "another", LogHead(10, 0, "e")) == Start(0, (RESET,))


def test_another_log_that_was_pruned_is_told_both() -> None:
    truncated = {"type": "truncated", "after": 0, "horizon": 4}
    assert start_at(7, "another", HEAD) == Start(0, (RESET, truncated))


def test_an_empty_log_has_one_place() -> None:
    empty = LogHead(0, 0, "e")
    assert start_at(0, None, empty) == Start(0)
    with pytest.raises(InvalidQuery):
        start_at(1, None, empty)


@pytest.mark.parametrize(("position", "epoch"), [(0, "e"), (2**53 - 1, "0f3c"), (7, "with@sign")])
def test_a_cursor_is_read_as_it_was_written(position: int, epoch: str) -> None:
    assert read_cursor_id(cursor_id(position, epoch)) == (position, epoch)


@pytest.mark.parametrize("text", ["7", "7@"])
def test_a_cursor_may_leave_the_log_out(text: str) -> None:
    assert read_cursor_id(text) == (7, None)


@pytest.mark.parametrize("text", ["", "@", "@e", "-1@e", "1.5@e", " 1@e", "x", "\u0663@e", "\u00b2", "1" * 17])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="is not one that this server gave"):
        read_cursor_id(text)
