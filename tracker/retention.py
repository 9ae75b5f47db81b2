"""Retention: finished jobs go after a time, whole jobs, never an unfinished one."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from tracker.clock import Clock
from tracker.errors import ClockDoubtful, TrackerError
from tracker.recorder import Recorder
from tracker.store.base import Pruned
from tracker.times import MICROSECONDS, iso

_log = logging.getLogger("tracker")
# One step is one short transaction between those of the callers, so that pruning never holds them up for long.
_EVENTS_A_STEP = 1_000
_PAGES_A_STEP = 128
_DAY = 86_400
# In a log that is used now and then there is no such pause; a clock that is wrong by years makes one.
_LONG_PAUSE_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """``keep_for_seconds``: how long a job is kept after it finished (30 days by default)."""

    keep_for_seconds: float = 30 * 86_400

    def finished_before(self, now: int) -> int:
        """Jobs that finished before this are due; both in microseconds UTC."""
        return now - int(self.keep_for_seconds * MICROSECONDS)


class Retention:
    """Applies a policy, on demand or every ``interval_seconds`` on a thread of its own."""

    def __init__(
        self, recorder: Recorder, policy: RetentionPolicy, interval_seconds: float, clock: Clock | None = None
    ) -> None:
        self._clock = clock or Clock()
        self._recorder = recorder
        self._policy = policy
        self._interval = interval_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def prune_due(self, *, trusts_clock: bool = False) -> Pruned:
        """:meth:`prune_once` as of the present, unless the clock may be wrong: what is removed by a wrong one is gone.

        Raises:
            ClockDoubtful: If it was set while this process runs, or says that nothing was recorded for 90 days; unless
                it has not been set for a day since then, or ``trusts_clock``.
        """
        at = self._clock.look()
        if not trusts_clock and self._clock.steady_seconds < _DAY:
            self._demand_sound(at)
        return self.prune_once(at)

    def prune_once(self, now: int) -> Pruned:
        """Remove every job that is due at ``now`` (microseconds UTC), and give their room back to the disk.

        Any thread; waits until it is done.
        """
        jobs = events = 0
        before = self._policy.finished_before(now)
        while True:
            step = self._recorder.ask(lambda writer: writer.prune(before, now, _EVENTS_A_STEP))
            jobs, events = jobs + step.jobs, events + step.events
            if step.done or self._stopping.is_set():
                break
        self._give_back()
        return Pruned(jobs=jobs, events=events, done=step.done)

    def start(self) -> None:
        """Prune now and then every interval, until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="tracker-retention", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop after the step that is being done; wait for that ``timeout`` seconds at most.

        While the log is unavailable the step waits in the queue, until the recorder is closed.
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _demand_sound(self, now: int) -> None:
        if self._clock.moved_seconds:
            direction = "forward" if self._clock.moved_seconds > 0 else "back"
            raise ClockDoubtful(iso(now), f"was set {direction} while the tracker ran")
        # What was recorded since says nothing: it has the same clock.
        newest = self._recorder.ask(lambda writer: writer.newest_before(now - _DAY * MICROSECONDS))
        days = 0 if newest is None else (now - newest) // (_DAY * MICROSECONDS)
        if days >= _LONG_PAUSE_DAYS:
            raise ClockDoubtful(iso(now), f"is {days:,} days past what was recorded last before today")

    def _give_back(self) -> None:
        while not self._stopping.is_set():
            if self._recorder.ask(lambda writer: writer.give_back(_PAGES_A_STEP)) < _PAGES_A_STEP:
                return

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pruned = self.prune_due()
            except TrackerError as error:
                if not self._stopping.is_set():
                    _log.warning("Retention did not run, the next try is in %g s: %s", self._interval, error)
            else:
                if pruned.jobs:
                    _log.info("Retention removed %d jobs (%d events)", pruned.jobs, pruned.events)
            self._stopping.wait(self._interval)
