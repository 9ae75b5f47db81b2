"""Bringing a feed to the end of the log when something was committed that nobody told it of. Event loop only."""

from __future__ import annotations

import asyncio
import logging

from tracker.errors import StoreError
from tracker.feed import Feed

_log = logging.getLogger("tracker")


class CatchingUp:
    """One reading of the log at a time, however often it is called for."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._is_called = False
        self._reading: asyncio.Task[None] | None = None
        self._failed = False

    def call(self) -> None:
        """Read what the log has beyond the feed's tail. What is committed before this call is delivered.

        While the log cannot be read nothing is: whoever calls, calls again.
        """
        # One that is under way may have read already: it reads again.
        self._is_called = True
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
                await self._feed.catch_up()
            except StoreError as error:
                self._note_failure(error)
            else:
                self._failed = False

    def _note_failure(self, error: StoreError) -> None:
        # Once, and not every second until the log is back.
        if not self._failed:
            _log.warning("New events cannot be read just now; clients get them when the log is back: %s", error)
        self._failed = True
