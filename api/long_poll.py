"""A page of the log, or the wait for one."""

from __future__ import annotations

import asyncio

from tracker.feed import Delivery, EventFeed, StreamedEvent
from tracker.filters import EventFilter

PAGE_BYTES = 1024 * 1024


class _Waiter:
    """Follows the tail for one commit that has something for it."""

    def __init__(self, wanted: EventFilter) -> None:
        self.filter = wanted
        self._arrived: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()

    def offer(self, delivery: Delivery) -> bool:
        """See :class:`tracker.feed.Subscriber`."""
        if not self._arrived.done():
            self._arrived.set_result(delivery)
        return False

    async def wait(self, seconds: float) -> Delivery | None:
        """The commit, or None after so many seconds."""
        done, _ = await asyncio.wait({self._arrived}, timeout=seconds)
        return self._arrived.result() if done else None


async def next_events(
    feed: EventFeed, wanted: EventFilter, after: int, limit: int, wait_seconds: float
) -> tuple[list[StreamedEvent], int]:
    """The first events above ``after``, and the position up to which they are complete.

    At most ``limit``, and after 1 MiB no more. Returns when there are any, or the log has been read to its tail and
    ``wait_seconds`` brought none either.
    """
    wanted = feed.narrow(wanted)
    events: list[StreamedEvent] = []
    complete, last, size = after, 0, 0
    while complete < feed.tail and len(events) < limit and size < PAGE_BYTES:
        page = await feed.page(complete, last, wanted)
        events += page.events
        size += sum(len(event.text) for event in page.events)
        complete = page.last
        last = events[-1].position if events else 0
    if not events and wait_seconds > 0:
        waiter = _Waiter(wanted)
        feed.follow(waiter, 0)
        try:
            arrived = await waiter.wait(wait_seconds)
        finally:
            feed.leave(waiter)
        complete = max(after, feed.tail if arrived is None else arrived.last)
        # Those that the client knew of, by their acknowledgement, before the feed was told of them, are not news.
        events = [] if arrived is None else [event for event in arrived.events if event.position > after]
    if len(events) > limit:
        events = events[:limit]
        complete = events[-1].position
    return events, complete
