"""Whether the system's clock was set: beside it goes one that nobody sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from tracker.times import MICROSECONDS, now

JUMP_SECONDS = 300.0
"""Clocks that are kept in step are moved by less than this at once."""


def _elapsed() -> Callable[[], float]:
    # Seconds since some moment, which go on while the machine sleeps: what Python calls monotonic stands still in that
    # time on Linux and macOS, whose clock_gettime(2) name others; on Windows it goes on.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if hasattr(time, name):
            return partial(time.clock_gettime, getattr(time, name))
    return time.monotonic


class Clock:
    """The system's clock, watched from when this is made. It is looked at by one thread at a time.

    It is noticed at the next :meth:`look` that it was set, whenever that is.
    """

    def __init__(self, wall: Callable[[], int] = now, elapsed: Callable[[], float] | None = None) -> None:
        """``wall``: the clock, in microseconds UTC; ``elapsed``: seconds that nobody sets."""
        self._wall, self._elapsed = wall, elapsed or _elapsed()
        self._seen, self._seen_at = wall(), self._elapsed()
        self._steady_since = self._seen_at
        self.moved_seconds = 0.0
        """By how much it was set when it last was: forward, or back if negative; 0 if it never was."""

    def look(self) -> int:
        """What it says, in microseconds UTC."""
        seen, at = self._wall(), self._elapsed()
        moved = (seen - self._seen) / MICROSECONDS - (at - self._seen_at)
        if abs(moved) > JUMP_SECONDS:
            self.moved_seconds, self._steady_since = moved, at
        self._seen, self._seen_at = seen, at
        return seen

    @property
    def steady_seconds(self) -> float:
        """For how long it has not been set, as far as it was watched; as of the last look."""
        return self._seen_at - self._steady_since
