"""How far a history of past jobs goes, and when it is to be read on. Does no reading itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tracker.eta import KEPT_JOBS, History
from tracker.projection import Job

REFRESH_SECONDS = 1.0
FIRST_JOBS = 2000


class PastJobs:
    """A history that is read on at most once a second. Not thread-safe.

    Of the last 2,000 jobs that succeeded before the first reading, and of all since (but of more than 200 in a second
    the last 200), those that a :class:`tracker.eta.History` keeps.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` in seconds."""
        self.history = History()
        self.since = 0  # microseconds UTC: what finished then or later is to be read
        self._clock = clock
        self._read_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is to be read on."""
        return self._read_at is None or self._clock() - self._read_at >= REFRESH_SECONDS

    @property
    def limit(self) -> int:
        """How many jobs to read."""
        return FIRST_JOBS if self._read_at is None else KEPT_JOBS

    def take(self, finished: Sequence[Job]) -> None:
        """Take what was read, the newest first."""
        for job in reversed(finished):
            self.history.add(job)
            self.since = max(self.since, job.completed_at or 0)
        self._read_at = self._clock()
