"""Clients that take their time, each in a way of its own: all return when the server has ended their connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from msgspec import Struct

from tests.security.frames import PING, PONG, TEXT, frame

_SMALL_BUFFER = 4096
_DRIP_SECONDS = 0.3  # aiohttp takes 128 headers: fewer in the time that it gives
_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_PAGE = b"GET /events?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_STREAM = b"GET /events/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_BLANK_LINE = b"\r\n"
_PONG = frame(PONG)


class End(Struct):
    """How a connection ended: after how many seconds, and the first of what was read."""

    seconds: float
    heard: bytes


class Slow(Protocol):
    """One client of the server at a port."""

    __name__: str

    def __call__(self, port: int) -> Coroutine[Any, Any, End]:
        """Be slow until the server ends the connection."""
        ...


class Peer:
    """A bare connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._begun = time.monotonic()
        self._heard = b""

    async def send(self, data: bytes) -> None:
        """Raises ``ConnectionError`` when the connection has ended."""
        await self._loop.sock_sendall(self._socket, data)

    async def read(self, most: int = 2**16) -> bytes:
        """Some of what comes; nothing at the end."""
        data = await self._loop.sock_recv(self._socket, most)
        self._heard = (self._heard + data)[:2000]
        return data

    async def end(self) -> End:
        """Read until the server ends the connection."""
        with contextlib.suppress(ConnectionError):  # that is an end too
            while await self.read():
                pass
        return End(time.monotonic() - self._begun, self._heard)

    async def drip(self, data: bytes) -> End:
        """Send the same again and again, in small pieces, until the server ends the connection."""
        end = asyncio.create_task(self.end())
        while not end.done():
            try:
                await self.send(data)
            except ConnectionError:
                break
            await asyncio.sleep(_DRIP_SECONDS)
        return await end

    async def is_cut(self, sign: bytes, drop: int = 0) -> End:
        """Read nothing, or a ``drop`` of so many bytes now and then, until the server ends the connection.

        As its last words are not read either, that shows only when something is sent: a ``sign``.
        """
        try:
            while True:
                await self.send(sign)
                if drop:
                    await self.read(drop)
                await asyncio.sleep(_DRIP_SECONDS)
        except ConnectionError:
            return End(time.monotonic() - self._begun, self._heard)


@asynccontextmanager
async def peer(port: int, *, reads_little: bool = False) -> AsyncIterator[Peer]:
    """A connection to the server; ``reads_little``: the system takes little for it."""
    with socket.socket() as connected:
        if reads_little:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", port))
        yield Peer(connected)


async def silent(port: int) -> End:
    async with peer(port) as client:
        return await client.end()


async def half_a_request(port: int) -> End:
    async with peer(port) as client:
        await client.send(_REQUEST[:20])
        return await client.end()


async def dripping_headers(port: int) -> End:
    async with peer(port) as client:
        await client.send(_REQUEST)
        return await client.drip(b"X-a: b\r\n")


async def a_dripping_header(port: int) -> End:
    async with peer(port) as client:
        await client.send(_REQUEST + b"X-a: ")
        return await client.drip(b"b")


async def dripping_headers_of_a_second_request(port: int) -> End:
    async with peer(port) as client:
        await client.send(_REQUEST + b"\r\n")
        await client.read()
        await client.send(_REQUEST)
        return await client.drip(b"X-a: b\r\n")


HEADERS: tuple[Slow, ...] = (
    silent,
    half_a_request,
    dripping_headers,
    a_dripping_header,
    dripping_headers_of_a_second_request,
)


def _body(path: str, length: bytes, piece: bytes) -> Slow:
    async def client_of_a_body(port: int) -> End:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode()
        async with peer(port) as client:
            await client.send(head + length + b"\r\n\r\n")
            return await (client.drip(piece) if piece else client.end())

    client_of_a_body.__name__ = f"{'dripping' if piece else 'no'} body for {path} ({length.decode()})"
    return client_of_a_body


_LENGTH, _CHUNKED = b"Content-Length: 4096", b"Transfer-Encoding: chunked"
BODIES: tuple[Slow, ...] = tuple(
    _body(path, length, piece)
    for path in ("/events", "/progress/report", "/ws/send", "/ws/handshake")
    for length, piece in ((_LENGTH, b""), (_LENGTH, b" "), (_CHUNKED, b""), (_CHUNKED, b"1\r\n \r\n"))
)
UNWANTED_BODIES: tuple[Slow, ...] = (_body("/nowhere", _LENGTH, b" "), _body("/healthz", _CHUNKED, b"1\r\n \r\n"))
"""Nobody reads these; aiohttp gives them ten seconds."""


async def a_page_that_is_not_read(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_PAGE)
        return await client.is_cut(_BLANK_LINE)


async def a_page_that_is_read_in_drops(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_PAGE)
        return await client.is_cut(_BLANK_LINE, drop=5)


async def many_pages_that_are_not_read(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_PAGE * 20)
        return await client.is_cut(_BLANK_LINE)


async def a_stream_that_is_not_read(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_STREAM)
        return await client.is_cut(_BLANK_LINE)


async def a_socket_that_is_not_read(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_UPGRADE + _said({"type": "subscribe", "channels": ["jobs"], "after": 0}))
        return await client.is_cut(_PONG)


async def a_socket_that_asks_and_asks(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_UPGRADE + _said({"type": "subscribe", "channels": [f"job:{n}" for n in range(999)]}))
        return await client.is_cut(_said({"type": "subscribe", "channels": ["jobs"]}) * 100)


async def a_socket_that_pings_and_pings(port: int) -> End:
    async with peer(port, reads_little=True) as client:
        await client.send(_UPGRADE)
        return await client.is_cut(frame(PING, b"x" * 125) * 5000)


async def a_socket_that_breaks_off_unread(port: int) -> End:
    """What is left of its answers is less than a stream may leave; then it breaks the protocol."""
    async with peer(port, reads_little=True) as client:
        await client.send(_UPGRADE + _said({"type": "subscribe", "channels": [f"job:{n}" for n in range(999)]}))
        await client.send(_said({"type": "subscribe", "channels": ["jobs"]}) * 60 + b"\xff\xff")
        return await client.is_cut(_PONG)


def _said(message: object) -> bytes:
    return frame(TEXT, json.dumps(message).encode())


READS: tuple[Slow, ...] = (
    a_page_that_is_not_read,
    a_page_that_is_read_in_drops,
    many_pages_that_are_not_read,
    a_stream_that_is_not_read,
    a_socket_that_is_not_read,
    a_socket_that_asks_and_asks,
    # What ends these is the system, which elsewhere takes longer.
    *((a_socket_that_pings_and_pings, a_socket_that_breaks_off_unread) if sys.platform == "linux" else ()),
)
