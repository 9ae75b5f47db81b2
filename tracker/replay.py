"""The clock of a replay: when is the next event due? Pure: the caller says what time it is.

There are two clocks. The *log's* is made of the ``recorded_at`` of the events, integer microseconds; the time that
has been played of it has no idle gap longer than ``max_gap``. The *caller's* is any that counts seconds and never goes
back, such as an event loop's. A deadline is reckoned from the last moment at which something changed (the start, a
pause, a seek, another speed), never from the event before it: errors do not add up.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.times import MICROSECONDS

SLOWEST, FASTEST = 0.1, 1000.0
LONGEST_GAP_SECONDS = 1e9


class Moment(Struct, frozen=True):
    """A time of the log, in microseconds UTC."""

    at: int


Place: TypeAlias = int | Moment
"""Somewhere in the log: a position, or a time."""


class Playback:
    """How far a replay has played, and when the next event is due. ``now``: seconds of the caller's clock.

    The first event, and the first after :meth:`seek` to a position, is due at once.
    """

    __slots__ = ("_last", "_max_gap", "_played", "_reckoned", "_since", "is_paused", "speed")

    def __init__(
        self, now: float, *, speed: float = 1.0, max_gap_seconds: float | None = None, is_paused: bool = False
    ) -> None:
        """``speed``: 2 is twice as fast as it happened. ``max_gap_seconds``, of the log's time: None for no limit.

        Raises:
            InvalidQuery: If a number is outside its range.
        """
        self.speed = check_speed(speed)
        self.is_paused = is_paused
        self._max_gap = None if max_gap_seconds is None else round(check_max_gap(max_gap_seconds) * MICROSECONDS)
        self._played = 0  # the log's time at the last event that was sent, in microseconds from the beginning or a seek
        self._last: int | None = None  # its recorded_at
        self._since = now  # when something changed last
        self._reckoned = 0.0  # the log's time that was played then

    @property
    def max_gap_seconds(self) -> float | None:
        """Longer gaps between two events are played as this; None for no limit."""
        return None if self._max_gap is None else self._max_gap / MICROSECONDS

    def due(self, recorded_at: int) -> float | None:
        """When an event that comes next is due; None while the replay is paused."""
        return None if self.is_paused else self._since + self._seconds(self._played_at(recorded_at) - self._reckoned)

    def sent(self, recorded_at: int) -> None:
        """The next event has gone out, at its time or, in a pause, by a step."""
        self._played = self._played_at(recorded_at)
        self._last = recorded_at
        if self.is_paused:
            self._reckoned = float(self._played)

    def pause(self, now: float) -> None:
        """Stop the clock; harmless if it stands."""
        self._reckon(now)
        self.is_paused = True

    def resume(self, now: float) -> None:
        """Let the clock go on where it stands; harmless if it goes."""
        self._reckon(now)
        self.is_paused = False

    def set_speed(self, now: float, speed: float) -> None:
        """Play at another speed from now on; raises :class:`InvalidQuery` if it is out of range."""
        check_speed(speed)
        self._reckon(now)
        self.speed = speed

    def seek(self, now: float, at: int | None = None) -> None:
        """Go on elsewhere, playing or paused as before: at a time of the log; None: where the next event is."""
        self._played, self._last = 0, at
        self._reckoned, self._since = 0.0, now

    def hold(self, since: float, now: float) -> None:
        """The clock stood from ``since`` until ``now``: what became due meanwhile is not to be made up for."""
        if not self.is_paused:
            self._since += max(0.0, now - max(since, self._since))

    def _played_at(self, recorded_at: int) -> int:
        # A clock that was set back makes no negative gap.
        gap = 0 if self._last is None else max(0, recorded_at - self._last)
        return self._played + (gap if self._max_gap is None else min(gap, self._max_gap))

    def _seconds(self, played: float) -> float:
        return played / MICROSECONDS / self.speed

    def _reckon(self, now: float) -> None:
        if not self.is_paused:
            self._reckoned += (now - self._since) * MICROSECONDS * self.speed
        self._since = now


def check_speed(value: object) -> float:
    """Demand a speed: a number from 0.1 to 1000, else raise :class:`InvalidQuery`."""
    number = _number(value)
    if number is None or not SLOWEST <= number <= FASTEST:
        raise InvalidQuery("speed", value, f"must be a number from {SLOWEST:g} to {FASTEST:g}")
    return number


def check_max_gap(value: object) -> float:
    """Demand the longest gap, in seconds of the log's time: a number from 0, else raise :class:`InvalidQuery`."""
    number = _number(value)
    if number is None or not 0 <= number <= LONGEST_GAP_SECONDS:
        raise InvalidQuery("max_gap_seconds", value, f"must be a number of seconds from 0 to {LONGEST_GAP_SECONDS:.0f}")
    return number


def _number(value: object) -> float | None:
    # An integer of a thousand digits has no float.
    is_number = type(value) is float or (type(value) is int and abs(value) <= LONGEST_GAP_SECONDS)
    return float(value) if is_number else None  # type: ignore[arg-type]  # narrowed by the line above
