"""One client's place in the log: at the tail it is handed commits, behind it catches up page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from tracker.feed import Delivery, Encode, EventFeed
from tracker.filters import EventFilter


class Channel(Protocol):
    """Where the client's bytes go; see :class:`api.channel.StreamChannel`."""

    @property
    def encode(self) -> Encode:
        """How events are written on this transport: one function for all clients that write them alike."""
        ...

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether the next piece may be written at once."""
        ...

    async def drain(self) -> None:
        """Wait for room; raises ``ConnectionError`` when the client left or does not read."""
        ...


class Subscription:
    """Follows the feed for one client. Event loop only."""

    __slots__ = (
        "_channel",
        "_feed",
        "_is_closed",
        "_is_live",
        "_last",
        "_pump",
        "_told",
        "cursor",
        "filter",
    )

    def __init__(self, feed: EventFeed, channel: Channel, wanted: EventFilter, after: int) -> None:
        """Follow ``wanted``, as the feed allows it, from ``after`` (exclusive)."""
        self.filter = feed.narrow(wanted)
        self.cursor = after  # complete up to here, when last written to
        self._feed = feed
        self._channel = channel
        self._last = 0
        self._told = after
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_live = False

    @property
    def place(self) -> int:
        """The position up to which the client has everything that passes its filter."""
        # At the tail nothing is done for commits that have nothing for this client: the cursor stands still then.
        return max(self._feed.tail, self.cursor) if self._is_live else self.cursor

    @property
    def last(self) -> int:
        """Position of the last event that was written to this client; 0 if none was."""
        return self._last

    def start(self, on_caught_up: Callable[[int], None] | None = None) -> None:
        """Begin; ``on_caught_up`` is called once, with the position, when everything before it was written."""
        if self.cursor >= self._feed.tail:
            self._join(on_caught_up)
        else:
            self._pump = asyncio.create_task(self._catch_up(on_caught_up))

    def offer(self, delivery: Delivery) -> bool:
        """See :class:`tracker.feed.Subscriber`."""
        if delivery.first <= self.cursor:
            # The client knew of these events, by their acknowledgement, before the feed was told of them.
            news = [event for event in delivery.events if event.position > self.cursor]
            delivery = Delivery(self.cursor + 1, max(delivery.last, self.cursor), news)
        if not self._channel.has_room:
            self.cursor = delivery.first - 1
            self._is_live = False
            self._pump = asyncio.create_task(self._catch_up(None))
            return False
        self._write(delivery)
        return True

    def checkpoint(self) -> int | None:
        """The position up to which the client has everything, if it is at the tail and cannot know that itself."""
        if not self._is_live or self._told >= self._feed.tail:
            return None
        self._told = self._feed.tail
        return self._told

    def close(self) -> None:
        """Follow no more."""
        self._is_closed = True
        self._feed.leave(self)
        if self._pump is not None:
            self._pump.cancel()

    async def _catch_up(self, on_caught_up: Callable[[int], None] | None) -> None:
        ahead: asyncio.Task[Delivery] | None = None
        try:
            while True:
                await self._channel.drain()
                if self.cursor >= self._feed.tail:
                    break
                self._write(await (ahead or self._next_page()))
                # Read while this one is on its way.
                ahead = asyncio.create_task(self._next_page()) if self.cursor < self._feed.tail else None
        except ConnectionError:
            # The client is gone or does not read; its connection ends, and it resumes with its cursor.
            return
        finally:
            if ahead is not None:
                ahead.cancel()
        self._join(on_caught_up)

    async def _next_page(self) -> Delivery:
        return await self._feed.page(self.cursor, self._last, self.filter)

    def _join(self, on_caught_up: Callable[[int], None] | None) -> None:
        if self._is_closed:
            return
        self._is_live = True
        self._feed.follow(self, self._last)
        if on_caught_up is not None:
            self._told = self.cursor
            on_caught_up(self.cursor)

    def _write(self, delivery: Delivery) -> None:
        if delivery.events and not self._is_closed:
            self._channel.write(delivery.encoded(self._channel.encode))
            self._last = self._told = delivery.events[-1].position
        self.cursor = delivery.last
