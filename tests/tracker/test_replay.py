"""The clock of a replay, on a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON, SECOND
from tracker.errors import InvalidQuery
from tracker.replay import FASTEST, SLOWEST, Playback

START = 1000.0


def play(playback: Playback, times: list[int]) -> list[float]:
    """When each event is due, where each is sent at its time: seconds from the start."""
    shown = []
    for at in times:
        due = playback.due(at)
        assert due is not None
        shown.append(due - START)
        playback.sent(at)
    return shown


def at(*seconds: float) -> list[int]:
    return [NOON + round(second * SECOND) for second in seconds]


@pytest.mark.parametrize("speed", [0.1, 1, 10, 1000])
def test_the_spacing_is_that_of_the_log_divided_by_the_speed(speed: float) -> None:
    assert play(Playback(START, speed=speed), at(0, 1, 1.5, 60)) == pytest.approx(
        [0, 1 / speed, 1.5 / speed, 60 / speed]
    )


def test_a_longer_gap_is_played_as_the_longest_and_moves_what_comes_after_it() -> None:
    playback = Playback(START, max_gap_seconds=2)
    assert play(playback, at(0, 2, 4.000001, 3600, 3601)) == pytest.approx([0, 2, 4, 6, 7])
    assert play(Playback(START, speed=10, max_gap_seconds=2), at(0, 3600)) == pytest.approx([0, 0.2]), (
        "of the log's time"
    )
    assert play(Playback(START, max_gap_seconds=0), at(0, 5, 99)) == [0, 0, 0]


def test_a_clock_that_was_set_back_makes_no_gap_and_the_next_one_counts_from_there() -> None:
    assert play(Playback(START), at(100, 40, 41)) == pytest.approx([0, 0, 1])


def test_nothing_is_due_in_a_pause_and_afterwards_the_rest_of_the_gap_is_left() -> None:
    playback = Playback(START)
    playback.sent(NOON)
    playback.pause(START + 3)
    assert playback.due(NOON + 10 * SECOND) is None
    playback.pause(START + 50)
    playback.resume(START + 100)
    playback.resume(START + 101)
    assert playback.due(NOON + 10 * SECOND) == pytest.approx(START + 107)


def test_a_replay_may_begin_in_a_pause() -> None:
    playback = Playback(START, is_paused=True)
    assert playback.due(NOON) is None
    playback.resume(START + 5)
    assert playback.due(NOON) == START + 5


def test_a_step_moves_the_clock_to_its_event() -> None:
    playback = Playback(START)
    playback.sent(NOON)
    playback.pause(START + 1)
    playback.sent(NOON + 10 * SECOND)
    playback.resume(START + 60)
    assert playback.due(NOON + 11 * SECOND) == pytest.approx(START + 61)


def test_another_speed_holds_for_the_rest_of_the_gap() -> None:
    playback = Playback(START)
    playback.sent(NOON)
    playback.set_speed(START + 4, 10)
    assert playback.due(NOON + 10 * SECOND) == pytest.approx(START + 4.6)
    playback.set_speed(START + 4.3, 0.1)
    assert playback.due(NOON + 10 * SECOND) == pytest.approx(START + 34.3)


def test_a_seek_to_a_position_has_its_event_due_at_once_and_one_to_a_time_waits_for_it() -> None:
    playback = Playback(START, speed=2)
    playback.sent(NOON)
    playback.seek(START + 7)
    assert playback.due(NOON + 500 * SECOND) == START + 7
    playback.seek(START + 9, NOON + 490 * SECOND)
    assert playback.due(NOON + 500 * SECOND) == pytest.approx(START + 14)


def test_what_stood_still_is_not_made_up_for() -> None:
    playback = Playback(START)
    playback.sent(NOON)
    playback.hold(START + 1, START + 31)
    assert playback.due(NOON + 10 * SECOND) == pytest.approx(START + 40)
    playback.set_speed(START + 35, 2)
    playback.hold(START + 33, START + 37)  # of which the part before the change is reckoned already
    assert playback.due(NOON + 10 * SECOND) == pytest.approx(START + 37 + 5 / 2)


@pytest.mark.parametrize("speed", [0, -1, 0.09, 1000.1, 10**400, float("nan"), float("inf"), True, "10", None, [1]])
def test_a_speed_out_of_range_is_refused_and_changes_nothing(speed: Any) -> None:
    playback = Playback(START, speed=5)
    playback.sent(NOON)
    for change in (lambda: playback.set_speed(START + 1, speed), lambda: Playback(START, speed=speed)):
        with pytest.raises(InvalidQuery) as refused:
            change()
        assert refused.value.field == "speed"
    assert (playback.speed, playback.due(NOON + 10 * SECOND)) == (5, START + 2)


@pytest.mark.parametrize("gap", [-0.1, 1e9 + 1, float("nan"), "2s", True])
def test_a_longest_gap_that_is_none_is_refused(gap: Any) -> None:
    with pytest.raises(InvalidQuery, match="max_gap_seconds: must be a number of seconds from 0"):
        Playback(START, max_gap_seconds=gap)


_gaps = st.lists(st.integers(-5 * SECOND, 10_000 * SECOND), min_size=1, max_size=60)
_speeds = st.floats(SLOWEST, FASTEST)
_max_gaps = st.none() | st.floats(0, 20_000)
# What a viewer does between two events: name, and a number that some need.
_changes = st.lists(
    st.tuples(st.sampled_from(["nothing", "nothing", "pause", "speed", "hold"]), st.floats(0.001, 1)), max_size=60
)


def times(gaps: list[int]) -> list[int]:
    return [NOON + sum(gaps[: index + 1]) for index in range(len(gaps))]


def played(gaps: list[int], max_gap: float | None) -> list[float]:
    """The log's time at each event, in seconds from the first: what the clock is to add up to."""
    shown = [0.0]
    for gap in gaps[1:]:
        seconds = max(0, gap) / SECOND
        shown.append(shown[-1] + (seconds if max_gap is None else min(seconds, max_gap)))
    return shown


@given(_gaps, _speeds, _max_gaps)
def test_deadlines_do_not_drift_however_late_events_are_sent(
    gaps: list[int], speed: float, max_gap: float | None
) -> None:
    expected = [seconds / speed for seconds in played(gaps, max_gap)]
    assert play(Playback(START, speed=speed, max_gap_seconds=max_gap), times(gaps)) == pytest.approx(expected, abs=1e-3)


@given(_gaps, _speeds, _changes)
def test_pauses_holds_and_speeds_leave_the_order_and_what_is_played(
    gaps: list[int], speed: float, changes: list[tuple[str, float]]
) -> None:
    playback, now, of_log = Playback(START, speed=speed), START, 0.0
    for recorded_at, (change, number) in zip(times(gaps), changes, strict=False):
        due = playback.due(recorded_at)
        assert due is not None
        assert due >= now - 1e-6, "an event is never due before the one ahead of it was sent"
        # Somewhere between the two events something happens.
        moment = now + (due - now) * number
        of_log += (moment - now) * playback.speed
        now = _change(playback, change, moment, number)
        due = playback.due(recorded_at)
        assert due is not None
        of_log += (due - now) * playback.speed
        now = max(now, due)
        playback.sent(recorded_at)
    count = min(len(gaps), len(changes))
    if count:
        assert of_log == pytest.approx(played(gaps[:count], None)[-1], rel=1e-6, abs=1e-3)


def _change(playback: Playback, change: str, now: float, number: float) -> float:
    """Do it; returns the time at which it is over."""
    later = now + 1000 * number
    match change:
        case "pause":
            playback.pause(now)
            playback.resume(later)
            return later
        case "hold":
            playback.hold(now, later)
            return later
        case "speed":
            playback.set_speed(now, SLOWEST + number)
    return now
