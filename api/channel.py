"""Where a streaming client's bytes go: a transport whose buffer is bounded, and a client that must read."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NoReturn

from tracker.feed import Encode

BUFFER_BYTES = 256 * 1024


class StreamChannel(ABC):
    """One client's bytes. Writing never waits; :meth:`drain` does, and ends a client that does not read.

    What a transport of its own adds is how events are framed, and how a slow client is told.
    """

    __slots__ = ("_on_cut", "_transport", "send_timeout")

    def __init__(self, transport: asyncio.Transport, send_timeout: float, on_cut: Callable[[], None]) -> None:
        """``send_timeout``: seconds a client may leave its buffer full; ``on_cut`` is called when it did for longer."""
        self._transport = transport
        self.send_timeout = send_timeout
        self._on_cut = on_cut

    @property
    @abstractmethod
    def encode(self) -> Encode:
        """How events are written on this transport: one function for all clients that write them alike."""

    @abstractmethod
    async def tell_slow(self) -> None:
        """Say goodbye to a client that does not read; the transport is aborted afterwards."""

    @property
    def is_open(self) -> bool:
        """Whether bytes can still be written."""
        return not self._transport.is_closing()

    @property
    def buffered(self) -> int:
        """Bytes written and not yet taken by the system."""
        # A TLS transport that was closed twice cannot say.
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    @property
    def has_room(self) -> bool:
        """Whether the next piece may be written at once."""
        transport = self._transport
        return transport.is_closing() or transport.get_write_buffer_size() <= BUFFER_BYTES

    def write(self, data: bytes) -> None:
        """Send, without waiting; what is sent to a client that is leaving goes nowhere."""
        if self.is_open:
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the buffer is half empty.

        Raises:
            ConnectionError: If the client left, or did not read for ``send_timeout`` seconds.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.send_timeout
        pause = 0.001
        # Asked again and again, as asyncio tells only the protocol, which is not ours, when a buffer has drained.
        while self.buffered > BUFFER_BYTES // 2:
            if not self.is_open:
                break
            if clock() > deadline:
                await self.cut()
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 0.25)  # many that do not read must not cost the others their turns
        if not self.is_open:
            raise ConnectionError("The client left.")
        # Others have their turn between two pages, also when this client reads as fast as it is written to.
        await asyncio.sleep(0)

    async def cut(self) -> NoReturn:
        """End a client that does not read; raises ``ConnectionError``."""
        self._on_cut()
        await self.tell_slow()
        self._transport.abort()
        raise ConnectionError("The client did not read.")
