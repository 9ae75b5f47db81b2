"""WebSocket frames as no library would let one send them (RFC 6455 section 5.2), and a client that sends such."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL = 0x80
PATIENCE_SECONDS = 20
_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(opcode: int, payload: bytes = b"", *, first: int | None = None, mask: bytes | None = b"\1\2\3\4") -> bytes:
    """A frame. ``first`` is its first byte where it is not the final frame of its kind; without a mask if None."""
    head = bytes((FINAL | opcode if first is None else first,)) + length(len(payload), is_masked=mask is not None)
    return head + payload if mask is None else head + mask + masked(payload, mask)


def length(size: int, *, is_masked: bool = True, form: int | None = None) -> bytes:
    """The length field; ``form`` 7, 16 or 64 bits, the shortest by default."""
    if form is None:
        form = 7 if size < 126 else 16 if size < 65_536 else 64
    flag = 0x80 if is_masked else 0
    if form == 7:
        return bytes((flag | size,))
    return bytes((flag | (126 if form == 16 else 127),)) + size.to_bytes(form // 8, "big")


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload under a mask; the same again gives it back."""
    whole = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def fragments(opcode: int, payload: bytes, sizes: list[int]) -> list[bytes]:
    """A message in several frames, of these sizes and one more."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(payload[start : start + size])
        start += size
    pieces.append(payload[start:])
    last = len(pieces) - 1
    return [
        frame(0, piece, first=(opcode if index == 0 else CONTINUATION) | (FINAL if index == last else 0))
        for index, piece in enumerate(pieces)
    ]


class Heard(Struct):
    """What the server said: the messages, the control frames by opcode, and how it ended, if it did.

    ``close_code``: of its close frame. ``is_over``: the connection has ended. ``breach``: how the server itself broke
    the protocol.
    """

    messages: list[dict[str, Any]]
    controls: list[tuple[int, bytes]]
    close_code: int | None = None
    is_over: bool = False
    breach: str = ""


class Breach(Exception):
    """The server sent what no server may."""


class FrameClient:
    """A WebSocket client that sends bytes, and reads frames by the letter.

    On a bare socket: what the server said before it hung up is read, also when sending fails meanwhile.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._number = 0

    async def send(self, data: bytes) -> None:
        """Send bytes; that the server has hung up meanwhile is seen when its words are read."""
        with contextlib.suppress(ConnectionError):
            await self._loop.sock_sendall(self._socket, data)

    def finish(self) -> None:
        """Say that nothing more comes."""
        with contextlib.suppress(OSError):  # ENOTCONN: the server has hung up
            self._socket.shutdown(socket.SHUT_WR)

    async def heard(self) -> Heard:
        """What comes up to the answer to a ping that is sent now, or up to the end of the connection."""
        self._number += 1
        ref = f"probe {self._number}"
        await self.send(frame(TEXT, json.dumps({"type": "ping", "ref": ref}).encode()))
        return await self._listen(ref)

    async def heard_to_the_end(self) -> Heard:
        """What comes up to the end of the connection, which the server is to bring about."""
        return await self._listen(None)

    async def read_until(self, end: bytes) -> bytes:
        """What comes up to these bytes, and with them."""
        while end not in self._unread:
            await self._read()
        found, _, self._unread = self._unread.partition(end)
        return found + end

    async def _listen(self, ref: str | None) -> Heard:
        heard = Heard([], [])
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while ref is None or not heard.messages or heard.messages[-1].get("ref") != ref:
                    await self._hear(heard)
            except ConnectionError:
                heard.is_over = True
            except Breach as breach:
                heard.breach, heard.is_over = str(breach), True
        return heard

    async def _hear(self, heard: Heard) -> None:
        opcode, payload = await self._frame()
        if opcode == TEXT:
            heard.messages.append(json.loads(payload))
        else:
            heard.controls.append((opcode, payload))
        if opcode == CLOSE:
            heard.close_code = int.from_bytes(payload[:2], "big") if payload else None
            # The server waits for nothing but the answer to its goodbye.
            await self.send(frame(CLOSE, payload[:2]))
            self.finish()

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self._exactly(2)
        if not first & FINAL or first & 0x70 or size & 0x80:
            raise Breach(f"a frame that begins with {first:08b} {size:08b}")
        if size > 125:
            size = int.from_bytes(await self._exactly(2 if size == 126 else 8), "big")
        return first & 0x0F, await self._exactly(size)

    async def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            await self._read()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    async def _read(self) -> None:
        data = await self._loop.sock_recv(self._socket, 2**16)
        if not data:
            raise ConnectionResetError("The server has hung up.")
        self._unread += data


@asynccontextmanager
async def frame_client(port: int) -> AsyncIterator[FrameClient]:
    """Connected and upgraded."""
    with socket.socket() as connected:
        connected.setblocking(False)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", port))
            client = FrameClient(connected)
            await client.send(_UPGRADE)
            head = await client.read_until(b"\r\n\r\n")
        if b" 101 " not in head:
            raise AssertionError(head.decode())
        yield client
