"""Server-Sent Events: a stream over plain HTTP, resumed by the browser itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from uuid import uuid4

from tracker.feed import Encode, EventFeed, StreamedEvent
from tracker.filters import EventFilter
from tracker.times import iso, now
from tracker.tokens import Access

from . import wire
from .channel import StreamChannel
from .clients import Transport
from .placing import ID_SEPARATOR, Start
from .subscription import Subscription


@lru_cache(maxsize=16)  # one function for all clients: what they all get is made once
def encoder(epoch: str) -> Encode:
    """How events are written: each with its cursor as ``id``, all of a delivery in one HTTP chunk."""

    def encode(events: Sequence[StreamedEvent], /) -> bytes:
        text = "".join([f"id: {event.position}{ID_SEPARATOR}{epoch}\ndata: {event.text}\n\n" for event in events])
        return _chunk(text.encode())

    return encode


class EventStreamChannel(StreamChannel):
    """The bytes of one event stream, framed as chunks by us: what all clients of a filter get is made once."""

    __slots__ = ("_encode",)

    def __init__(
        self, transport: asyncio.Transport, send_timeout: float, on_cut: Callable[[], None], encode: Encode
    ) -> None:
        super().__init__(transport, send_timeout, on_cut)
        self._encode = encode

    @property
    def encode(self) -> Encode:
        """See :class:`api.channel.StreamChannel`."""
        return self._encode

    async def tell_slow(self) -> None:
        """Nothing can be said within a stream that is not read."""

    def write_message(self, message: dict[str, Any], event_id: str | None = None) -> None:
        """A message of the server's own; with an ``event_id`` it moves the client's cursor."""
        identified = "" if event_id is None else f"id: {event_id}\n"
        self.write(_chunk(f"{identified}data: {wire.encode_text(message)}\n\n".encode()))

    def write_comment(self) -> None:
        """Something to read, for proxies that cut silent connections."""
        self.write(_chunk(b": still here\n\n"))


class EventStream:
    """One client of ``/events/stream``."""

    transport: Transport = "sse"

    def __init__(
        self, feed: EventFeed, access: Access, channel: EventStreamChannel, wanted: EventFilter, start: Start
    ) -> None:
        self.access = access
        self.client_id = uuid4().hex
        self._connected_at = now()
        self._feed = feed
        self._channel = channel
        self._epoch = feed.epoch
        self._start = start
        self._subscription = Subscription(feed, channel, wanted, start.after)
        self._dismissed = asyncio.Event()

    async def run(self, welcome: dict[str, Any]) -> None:
        """Stream until the client leaves (which cancels this) or is dismissed."""
        self._channel.write_message(welcome)
        for notice in self._start.notices:
            self._channel.write_message(notice)
        self._subscription.start(self._caught_up)
        try:
            await self._dismissed.wait()
        finally:
            self._subscription.close()

    def describe(self) -> dict[str, Any]:
        """See :class:`api.clients.Client`."""
        place = self._subscription.place
        return {
            "client_id": self.client_id,
            "client_type": None,
            "client_name": None,
            "transport": self.transport,
            "channels": sorted(self._subscription.filter.channels),
            "cursor": place,
            "lag": self._feed.tail - place,
            "connected_since": iso(self._connected_at),
        }

    def send_checkpoint(self) -> None:
        """See :class:`api.clients.Client`."""
        position = self._subscription.checkpoint()
        if position is None:
            self._channel.write_comment()
        else:
            self._say("checkpoint", position)

    async def dismiss(self) -> None:
        """See :class:`api.clients.Client`."""
        self._dismissed.set()

    def _caught_up(self, position: int) -> None:
        self._say("caught_up", position)

    def _say(self, kind: str, position: int) -> None:
        event_id = f"{position}{ID_SEPARATOR}{self._epoch}"
        message = {"type": kind, "position": position, "prev": self._subscription.last}
        self._channel.write_message(message, event_id)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
