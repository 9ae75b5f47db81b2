"""Whether a server can do its work just now: write the log, read it, and tell clients of what is in it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tracker.errors import LogMissing, StoreError, StoreUnavailable
from tracker.feed import Feed
from tracker.runtime import Tracker
from tracker.store import demand_current

_WITHIN_SECONDS = 2.0
_LEAST_FREE_BYTES = 4 * 1024 * 1024
_GONE = "The log was removed or replaced while it was open; put it back, or restart to go on with what is there."


class Readiness:
    """Of one server. Event loop only."""

    def __init__(self, tracker: Tracker, feed: Feed) -> None:
        self._tracker = tracker
        self._feed = feed

    async def demand(self) -> None:
        """Raise :class:`StoreUnavailable` with what is in the way; returns or raises within about two seconds.

        What was last written failed, and is tried again; the disk has less than 4 MiB left; the log cannot be read, or
        clients cannot be told of all that is in it; its tables are of another version.
        """
        unavailable = self._tracker.recorder.unavailable
        if unavailable is not None:
            raise unavailable.with_traceback(None)
        free = self._tracker.store.free_bytes()
        if free is not None and free < _LEAST_FREE_BYTES:
            raise StoreUnavailable(f"The disk of the log is nearly full: {free:,} bytes are left.")
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                await self._feed.head()
                await asyncio.to_thread(demand_current, self._tracker.settings.database_url)
        except TimeoutError:
            raise StoreUnavailable(f"The log could not be read within {_WITHIN_SECONDS:g} s.") from None
        except LogMissing:
            raise StoreUnavailable(_GONE) from None  # where it was is nobody's business who asks
        except StoreError as error:
            raise StoreUnavailable(str(error)) from error


READINESS = web.AppKey("readiness", Readiness)
