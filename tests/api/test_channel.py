"""A client's bytes: bounded, waited for, and the end of a client that does not read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from api.channel import BUFFER_BYTES
from api.websocket import TOO_SLOW, SocketChannel


class Transport:
    """A transport whose buffer drains by so many bytes each time somebody asks how full it is."""

    def __init__(self, buffered: int = 0, drains_by: int = 0) -> None:
        self.buffered = buffered
        self.drains_by = drains_by
        self.written: list[bytes] = []
        self.is_aborted = False
        self.leaves_when_asked = False

    def get_write_buffer_size(self) -> int:
        size = self.buffered
        self.buffered = max(0, self.buffered - self.drains_by)
        return size

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_aborted or self.leaves_when_asked

    def abort(self) -> None:
        self.is_aborted = True


class Socket:
    """A WebSocket that remembers what it was closed with; ``hangs``: whose goodbye never gets through."""

    def __init__(self, hangs: bool = False) -> None:
        self.closed = False
        self.codes: list[int] = []
        self.hangs = hangs

    async def close(self, *, code: int, message: bytes, drain: bool) -> None:
        self.codes.append(code)
        self.closed = True
        if self.hangs:
            await asyncio.Event().wait()


def channel(transport: Transport, socket: Socket, send_timeout: float = 10) -> SocketChannel:
    parts: tuple[Any, Any] = (socket, transport)
    return SocketChannel(cast("web.WebSocketResponse", parts[0]), parts[1], send_timeout, lambda: None)


@pytest.mark.parametrize(("buffered", "has_room"), [(0, True), (BUFFER_BYTES, True), (BUFFER_BYTES + 1, False)])
def test_there_is_room_until_the_buffer_is_full(buffered: int, has_room: bool) -> None:
    assert channel(Transport(buffered), Socket()).has_room is has_room


async def test_draining_waits_until_the_buffer_is_half_empty() -> None:
    transport = Transport(BUFFER_BYTES * 2, drains_by=BUFFER_BYTES // 4)
    await channel(transport, Socket()).drain()
    assert transport.buffered <= BUFFER_BYTES // 2


async def test_a_client_that_does_not_read_in_time_is_told_4408_and_cut() -> None:
    transport, socket = Transport(BUFFER_BYTES * 2), Socket()
    with pytest.raises(ConnectionError):
        await channel(transport, socket, send_timeout=0.01).drain()
    assert socket.codes == [TOO_SLOW] == [4408]
    assert transport.is_aborted


async def test_a_goodbye_that_does_not_get_through_holds_nobody_up() -> None:
    transport, socket = Transport(BUFFER_BYTES * 2), Socket(hangs=True)
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await channel(transport, socket, send_timeout=0.01).drain()
    assert transport.is_aborted


async def test_a_client_that_left_is_not_waited_for() -> None:
    transport, socket = Transport(BUFFER_BYTES * 2), Socket()
    transport.leaves_when_asked = True
    with pytest.raises(ConnectionError):
        await channel(transport, socket).drain()
    assert socket.codes == []


def test_what_is_written_to_a_client_that_left_goes_nowhere() -> None:
    transport, socket = Transport(), Socket()
    writing = channel(transport, socket)
    writing.write(b"1")
    socket.closed = True
    writing.write(b"2")
    socket.closed = False
    transport.abort()
    writing.write(b"3")
    assert transport.written == [b"1"]
