"""One client's place in the log: at the tail it is handed commits, behind it catches up page by page.

Independent of the transport: a :class:`Channel` writes bytes and says how much it still holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from tracker.feed import Delivery, Feed, StreamedEvent
from tracker.filters import EventFilter

BUFFER_BYTES = 256 * 1024


class Channel(Protocol):
    """Where a client's bytes go."""

    @staticmethod
    def encode(events: Sequence[StreamedEvent], /) -> bytes:
        """Events as this transport writes them."""
        ...

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes written and not yet taken by the system."""
        ...

    async def drain(self) -> None:
        """Wait until there is room again; raises ``ConnectionError`` when the client does not read."""
        ...


class Subscription:
    """Follows the feed for one client. Event loop only."""

    def __init__(self, feed: Feed, channel: Channel, wanted: EventFilter, after: int) -> None:
        """Follow ``wanted`` from ``after`` (exclusive)."""
        self.filter = wanted
        self.cursor = after  # complete up to here, when last written to
        self._feed = feed
        self._channel = channel
        self._last = 0
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_live = False

    @property
    def place(self) -> int:
        """The position up to which the client has everything that passes its filter."""
        # At the tail nothing is done for commits that have nothing for this client: the cursor stands still then.
        return self._feed.tail if self._is_live else self.cursor

    def start(self, on_caught_up: Callable[[int], None] | None = None) -> None:
        """Begin; ``on_caught_up`` is called once, with the position, when everything before it was written."""
        if self.cursor >= self._feed.tail:
            self._join(on_caught_up)
        else:
            self._pump = asyncio.create_task(self._catch_up(on_caught_up))

    def offer(self, delivery: Delivery) -> bool:
        """See :class:`tracker.feed.Subscriber`."""
        if self._channel.buffered > BUFFER_BYTES:
            self.cursor = delivery.first - 1
            self._is_live = False
            self._pump = asyncio.create_task(self._catch_up(None))
            return False
        self._write(delivery)
        return True

    def close(self) -> None:
        """Follow no more."""
        self._is_closed = True
        self._feed.leave(self)
        if self._pump is not None:
            self._pump.cancel()

    async def _catch_up(self, on_caught_up: Callable[[int], None] | None) -> None:
        try:
            while True:
                await self._channel.drain()
                if self.cursor >= self._feed.tail:
                    break
                self._write(await self._feed.page(self.cursor, self._last, self.filter))
        except ConnectionError:
            # The client is gone or does not read; its connection is being closed, and it resumes with its cursor.
            return
        self._join(on_caught_up)

    def _join(self, on_caught_up: Callable[[int], None] | None) -> None:
        if self._is_closed:
            return
        self._is_live = True
        self._feed.follow(self, self._last)
        if on_caught_up is not None:
            on_caught_up(self.cursor)

    def _write(self, delivery: Delivery) -> None:
        if delivery.events and not self._is_closed:
            self._channel.write(delivery.encoded(self._channel.encode))
            self._last = delivery.events[-1].position
        self.cursor = delivery.last
