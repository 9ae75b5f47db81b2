"""Who does not take an answer is cut; who only takes it slowly is not, and a stream has its own rule while it lasts."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from api import tls
from api.slow_peers import LEAST_BYTES, SlowPeers
from tests.api.authority import Authority
from tests.security.slow import Peer, peer

_PATIENCE_SECONDS = 0.5
_SLOWLY_SECONDS = 5 * _PATIENCE_SECONDS
_WELL_CUT_SECONDS = 10.0
# More than the system holds for a client by itself, which is 4 MiB with its usual limits.
_PAGE_BYTES = 12 * 2**20
_SIGN = b"\r\n"


class Served:
    """An application with a page, and a stream that lasts until it is told to end."""

    def __init__(self) -> None:
        self.port = 0
        self.transports: list[asyncio.Transport] = []
        self.cuts = 0
        self.end = asyncio.Event()

    def cut(self) -> None:
        self.cuts += 1

    async def page(self, request: web.Request) -> web.Response:
        self._note(request)
        return web.Response(body=bytes(_PAGE_BYTES))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        transport = self._note(request)
        transport.write(bytes(_PAGE_BYTES))
        await self.end.wait()
        transport.close()  # as for a pong that does not come
        return response

    def _note(self, request: web.Request) -> asyncio.Transport:
        assert isinstance(request.transport, asyncio.Transport)
        self.transports.append(request.transport)
        return request.transport


@asynccontextmanager
async def serving(certificate: tls.Certificate | None = None) -> AsyncIterator[Served]:
    served, app = Served(), web.Application()
    app.router.add_get("/page", served.page)
    app.router.add_get("/stream", served.stream)
    SlowPeers(_PATIENCE_SECONDS, served.cut).attach(app)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context if certificate else None)
    await site.start()
    served.port = runner.addresses[0][1]
    yield served
    served.end.set()
    await runner.cleanup()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served


async def _ask(client: Peer, path: str, connection: str = "keep-alive") -> None:
    await client.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: {connection}\r\n\r\n".encode())


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_who_takes_nothing_is_cut(served: Served, connection: str) -> None:
    async with peer(served.port, reads_little=True) as client, asyncio.timeout(_WELL_CUT_SECONDS):
        await _ask(client, "/page", connection)
        end = await client.is_cut(_SIGN)
    assert end.seconds >= _PATIENCE_SECONDS
    assert served.transports[0].get_write_buffer_size() == 0


async def test_who_takes_too_little_is_cut(served: Served) -> None:
    async with peer(served.port, reads_little=True) as client, asyncio.timeout(_WELL_CUT_SECONDS):
        await _ask(client, "/page")
        await client.is_cut(_SIGN, drop=LEAST_BYTES // 100)


async def test_who_takes_it_slowly_and_steadily_gets_the_whole(served: Served) -> None:
    begun, taken = time.monotonic(), 0
    async with peer(served.port) as client:
        await _ask(client, "/page", "close")
        while data := await client.read(2**16):
            taken += len(data)
            # A pace of its own, not a wait for something: in all many times what it may take for nothing.
            ahead = taken / _PAGE_BYTES * _SLOWLY_SECONDS - (time.monotonic() - begun)
            await asyncio.sleep(max(0, ahead))
    assert taken > _PAGE_BYTES
    assert time.monotonic() - begun > 0.9 * _SLOWLY_SECONDS


async def test_who_asks_again_and_again_and_takes_it_all_stays(served: Served) -> None:
    begun = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while time.monotonic() - begun < 4 * _PATIENCE_SECONDS:
            async with session.get(f"http://127.0.0.1:{served.port}/page") as response:
                assert len(await response.read()) == _PAGE_BYTES
    assert len(set(served.transports)) == 1, "the connection was kept"


async def test_asking_again_gives_no_more_time(served: Served) -> None:
    async with peer(served.port, reads_little=True) as client, asyncio.timeout(_WELL_CUT_SECONDS):
        await _ask(client, "/page")
        await client.is_cut(b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


async def test_a_stream_is_let_alone_while_it_lasts_and_cut_for_what_it_leaves(served: Served) -> None:
    async with peer(served.port, reads_little=True) as client, asyncio.timeout(_WELL_CUT_SECONDS):
        await _ask(client, "/stream")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4 * _PATIENCE_SECONDS):
                await client.is_cut(_SIGN)
        assert served.transports[0].get_write_buffer_size() > 0
        served.end.set()
        await client.is_cut(_SIGN)
    assert served.transports[0].get_write_buffer_size() == 0


async def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue()
    async with serving(tls.Certificate(authority.cert, authority.key)) as served:
        connected = socket.create_connection(("127.0.0.1", served.port))
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        secure = authority.trusting()
        _, writer = await asyncio.open_connection(sock=connected, ssl=secure, server_hostname="127.0.0.1", limit=1024)
        begun = time.monotonic()
        writer.write(b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(_WELL_CUT_SECONDS):
            while not served.transports or not served.transports[0].is_closing():
                await asyncio.sleep(0.02)
        assert time.monotonic() - begun >= _PATIENCE_SECONDS
        writer.close()


async def test_over_tls_too_who_takes_it_slowly_gets_the_whole(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue()
    begun, taken = time.monotonic(), 0
    async with serving(tls.Certificate(authority.cert, authority.key)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=authority.trusting())
        writer.write(b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        while data := await reader.read(2**16):
            taken += len(data)
            ahead = taken / _PAGE_BYTES * _SLOWLY_SECONDS - (time.monotonic() - begun)
            await asyncio.sleep(max(0, ahead))
        writer.close()
    assert taken > _PAGE_BYTES
    assert time.monotonic() - begun > 0.9 * _SLOWLY_SECONDS
