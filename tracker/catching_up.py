"""Bringing a feed to the end of the log when something was committed that nobody told it of. Event loop only.

Where it is found to be another log than the feed knows, the feed begins anew with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tracker.errors import TrackerError
from tracker.feed import Feed, LogChanged

_log = logging.getLogger("tracker")


class CatchingUp:
    """One reading of the log at a time, however often it is called for."""

    def __init__(self, feed: Feed, begin_anew: Callable[[], Awaitable[None]]) -> None:
        """``begin_anew``: what brings the feed to the log that there is now."""
        self._feed = feed
        self._begin_anew = begin_anew
        self._is_called = False
        self._is_to_look = False
        self._reading: asyncio.Task[None] | None = None
        self._failed = False

    def call(self, *, looks: bool = False) -> None:
        """Read what the log has beyond the feed's tail. What is committed before this call is delivered.

        While the log cannot be read nothing is: whoever calls, calls again. ``looks``: also whether it is the same log.
        """
        # One that is under way may have read already: it reads again.
        self._is_called = True
        self._is_to_look = self._is_to_look or looks
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        while self._is_called:
            self._is_called = False
            try:
                await self._read_once()
            except TrackerError as error:
                self._note_failure(error)
            else:
                self._failed = False

    async def _read_once(self) -> None:
        looks, self._is_to_look = self._is_to_look, False
        try:
            await (self._feed.look() if looks else self._feed.catch_up())
        except LogChanged as error:
            _log.error("%s", error)
            await self._begin_anew()
            self._is_called = True

    def _note_failure(self, error: TrackerError) -> None:
        # Once, and not every second until the log is back.
        if not self._failed:
            _log.warning("New events cannot be read just now; clients get them when the log is back: %s", error)
        self._failed = True
