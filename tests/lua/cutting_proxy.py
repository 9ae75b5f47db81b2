"""A proxy that cuts one answer in so many: after the server has acted, before the client hears of it.

Or it answers something else, as what stands between a client and its server may.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class CuttingProxy:
    """Passes requests on to ``server_port``, one a connection; ``questions`` counts them by path, ``cut`` those cut.

    ``instead``: these are the first answers, and the server hears nothing of their questions.
    """

    def __init__(self, share: float, seed: int) -> None:
        self.server_port = 0
        self.port = 0
        self.questions: Counter[str] = Counter()
        self.cut = 0
        self.instead: list[bytes] = []
        self._share = share
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer, or what is left of it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                request = await _request(reader)
                self.questions[request.split(b" ", 2)[1].partition(b"?")[0].decode()] += 1
                writer.write(self.instead.pop(0) if self.instead else self._cut(await self._ask(request)))
                await writer.drain()
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Answer nobody any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()

    def _cut(self, answer: bytes) -> bytes:
        if self._chance.random() >= self._share:
            return answer
        self.cut += 1
        # Anywhere: nothing of it, within its head, within its body.
        return answer[: self._chance.randrange(len(answer))] if answer else b""


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


@asynccontextmanager
async def cutting_proxy(share: float, seed: int) -> AsyncIterator[CuttingProxy]:
    """A proxy that cuts this share of the answers, listening until the end of the block."""
    proxy = CuttingProxy(share, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
