"""Refused calls are logged, and a flood of them is not."""

from __future__ import annotations

import logging
import time

from tracker.errors import TrackerError
from tracker.events import Event

_log = logging.getLogger("tracker")
_LINES_A_SECOND = 20


class RefusalLog:
    """At most 20 lines a second, then a count. One thread."""

    def __init__(self) -> None:
        self._second = 0
        self._lines = 0
        self._unsaid = 0

    def refused(self, event: Event, reason: TrackerError) -> None:
        """Log that an event whose caller may not look was not recorded."""
        second = int(time.monotonic())
        if second != self._second:
            self._say_unsaid()
            self._second, self._lines = second, 0
        if self._lines < _LINES_A_SECOND:
            self._lines += 1
            _log.warning("%s of job %r was not recorded: %s", event.type, event.job_id, reason)
        else:
            self._unsaid += 1

    def _say_unsaid(self) -> None:
        if self._unsaid:
            _log.warning("%d more events were not recorded", self._unsaid)
            self._unsaid = 0
