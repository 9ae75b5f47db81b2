"""Those who ask and do not take the answer: after a while they are cut, so that nothing is held for them for ever.

Streams have a rule of their own while they last (``api/channel.py``); here they are judged once they are over, when
something that was written to them still lies there: a transport that is closed waits for it without an end.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial

from aiohttp import web
from msgspec import Struct

from .sockets import hold_little

_log = logging.getLogger("tracker")
# A client that takes less than this, and not all, within the patience is taken for one that does not read.
LEAST_BYTES = 32 * 1024
_LARGE_BYTES = 128 * 1024
_LINGER = "hh" if sys.platform == "win32" else "ii"
_LOOKS = 5
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0


class _Debt(Struct):
    """What a client had left to take, and when that was so."""

    size: float
    at: float


class SlowPeers:
    """The connections that were written to, of one application. Event loop only."""

    def __init__(self, patience_seconds: float, on_cut: Callable[[], None]) -> None:
        """``patience_seconds``: for taking the whole of what waits, or 32 KiB of it, again and again.

        ``on_cut`` is called when a client was cut.
        """
        self._patience = patience_seconds
        self._on_cut = on_cut
        self._debts: dict[asyncio.Transport, _Debt] = {}

    def attach(self, app: web.Application) -> None:
        """Watch the connections of an application while it runs; before it is started."""
        app.on_response_prepare.append(self._note)
        app.cleanup_ctx.append(self._watching)

    async def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return
        if _is_stream(response):
            self._debts.pop(transport, None)
            request.task.add_done_callback(partial(self._ended, transport))
        else:
            # What the system holds for a client it gives in steps, large ones where it holds much: then progress shows
            # late. It is told so before it holds anything.
            if response.content_length is None or response.content_length > _LARGE_BYTES:
                hold_little(transport)
            self._expect(transport)

    def _ended(self, transport: asyncio.Transport, _: asyncio.Task[None]) -> None:
        self._expect(transport)

    def _expect(self, transport: asyncio.Transport) -> None:
        # Who still has something to take is not given more time by asking again.
        if transport not in self._debts or not _waiting(transport):
            self._debts[transport] = _Debt(math.inf, asyncio.get_running_loop().time())

    async def _watching(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        yield
        task.cancel()

    async def _watch(self) -> None:
        pause = min(max(self._patience / _LOOKS, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        while True:
            await asyncio.sleep(pause)
            at = asyncio.get_running_loop().time()
            for transport, debt in list(self._debts.items()):
                self._look(transport, debt, at)

    def _look(self, transport: asyncio.Transport, debt: _Debt, at: float) -> None:
        left = _waiting(transport)
        if not left:
            del self._debts[transport]
        elif left <= debt.size - LEAST_BYTES:
            debt.size, debt.at = left, at
        elif at - debt.at > self._patience:
            del self._debts[transport]
            self._on_cut()
            _drop(transport)
            _log.debug("A client that left %d bytes for %g s was cut off.", left, self._patience)


def _waiting(transport: asyncio.Transport) -> int:
    """Bytes written and not yet taken by the system."""
    size = transport.get_write_buffer_size()
    # A TLS connection lies on another transport, which has nearly all of it and which asyncio does not tell of: the
    # names are its own, the same in all versions so far.
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return size + below.get_write_buffer_size() if isinstance(below, asyncio.Transport) else size


def _drop(transport: asyncio.Transport) -> None:
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is not None and connected.fileno() >= 0:
        # With what the system holds for the client: it would try to deliver that for minutes.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
    transport.abort()


def _is_stream(response: web.StreamResponse) -> bool:
    return isinstance(response, web.WebSocketResponse) or response.content_type == "text/event-stream"
