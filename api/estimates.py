"""The histories that estimates rest on, kept up with the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tracker.eta import History
from tracker.past_jobs import PastJobs
from tracker.store.base import Reader

_MAX_HISTORIES = 50


class Estimates:
    """One history for each set of job prefixes that somebody is limited to: estimates tell nothing of other jobs.

    Event loop only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` in seconds."""
        self._clock = clock
        self._past: dict[frozenset[str], PastJobs] = {}
        self._reading = asyncio.Lock()

    async def history(self, reader: Reader, job_prefixes: frozenset[str]) -> History:
        """The history, about a second behind the log at most; ``reader`` is limited to the prefixes."""
        past = self._past.pop(job_prefixes, None) or PastJobs(self._clock)
        self._past[job_prefixes] = past
        if len(self._past) > _MAX_HISTORIES:
            del self._past[next(iter(self._past))]
        if past.is_due:
            await self._read_on(past, reader)
        return past.history

    async def _read_on(self, past: PastJobs, reader: Reader) -> None:
        async with self._reading:
            if past.is_due:  # of those who waited here, the first has read for all
                past.take(await reader.finished_jobs(past.since, past.limit))
