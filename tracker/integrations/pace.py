"""Progress that comes fast, reported at the pace of people who watch."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from tracker.errors import TrackerError
from tracker.job_context import Details

if TYPE_CHECKING:
    from tracker.job_context import ReportedStage

_log = logging.getLogger("tracker")
_SECONDS_BETWEEN = 0.1


class Pace:
    """Reports a stage's progress ten times a second at most, and the last of it in any case. Any thread.

    A bar is there to be looked at, and must not stop the work it counts: what the tracker refuses is logged, once.
    """

    def __init__(self, stage: ReportedStage) -> None:
        self.stage = stage
        self._waiting: tuple[float, str, Details] | None = None
        self._reported: tuple[float, str, Details] | None = None
        self._not_before = 0.0
        self._is_said = False
        self._lock = threading.Lock()

    def offer(self, percent: float | None, message: str = "", details: Details = None) -> None:
        """Report this now, or something later instead. ``percent`` is cut to 0 to 100; None where it is unknown."""
        known = self.stage.percent if percent is None else percent
        with self._lock:
            self._waiting = min(100.0, max(0.0, known)), message, details
            if time.monotonic() >= self._not_before:
                self._report()

    def finish(self) -> None:
        """Report what is still waiting."""
        with self._lock:
            self._report()

    def _report(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting == self._reported:
            return
        self._reported = waiting
        self._not_before = time.monotonic() + _SECONDS_BETWEEN
        try:
            self.stage.progress(*waiting)
        except TrackerError as error:
            _log.log(logging.DEBUG if self._is_said else logging.WARNING, "Progress was not reported: %s", error)
            self._is_said = True
