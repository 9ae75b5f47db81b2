"""Many WebSocket clients in one process: ``python -m tests.benchmarks.crowd PORT COUNT CHANNEL [AFTER]``.

They read and throw away, so that the server is what is measured. ``{}`` in CHANNEL is the client's number. Says
``ready`` when all are subscribed. With ``AFTER`` and one client: ends when it is caught up. Of the first four clients
each event's ``details.sent`` (microseconds since 1970) is looked at; after a line of standard input one line of JSON
has the bytes read, the latencies in milliseconds, and the time from the first byte to the last.

The four are woken by each byte. The others' sockets are emptied every 20 ms: clients on machines of their own would
not take the processor from the server that is measured, and a hundred wake-ups a commit do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time

_SENT = re.compile(rb'"sent":(\d+)')
_MEASURED = 4
_EMPTIED_EVERY_SECONDS = 0.02


class _Client(asyncio.Protocol):
    def __init__(self, crowd: _Crowd, number: int, subscription: dict[str, object]) -> None:
        self._crowd = crowd
        self._number = number
        self._subscription = json.dumps(subscription).encode()
        self._is_upgraded = False
        self._is_subscribed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        crowd = self._crowd
        if not self._is_upgraded:
            self._is_upgraded = b"\r\n\r\n" in data
            self._transport.write(_masked(self._subscription))
            return
        if not self._is_subscribed and b"subscription_confirmed" in data:
            self._is_subscribed = True
            crowd.subscribed += 1
            if crowd.subscribed == crowd.count:
                crowd.all_subscribed.set()
        if data[-2:] == b"\x89\x00":
            self._transport.write(b"\x8a\x80\0\0\0\0")  # a ping, which comes when nothing else does
        crowd.read(data, self._number < _MEASURED)
        if b'"caught_up"' in data:
            crowd.caught_up.set()

    def be_emptied(self) -> None:
        """Read no more by itself."""
        self._transport.pause_reading()
        self._descriptor = self._transport.get_extra_info("socket").fileno()

    def empty(self) -> None:
        """Read what is there."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, 2**18):
                self.data_received(data)


class _Crowd:
    def __init__(self, count: int) -> None:
        self.count = count
        self.subscribed = 0
        self.bytes = 0
        self.latencies: list[float] = []
        self.first = self.last = 0.0
        self.all_subscribed = asyncio.Event()
        self.caught_up = asyncio.Event()

    def read(self, data: bytes, is_measured: bool) -> None:
        self.bytes += len(data)
        self.last = time.perf_counter()
        self.first = self.first or self.last
        if is_measured:
            now = time.time_ns() / 1_000_000
            self.latencies += [now - int(sent) / 1000 for sent in _SENT.findall(data)]


def _masked(payload: bytes) -> bytes:
    # A mask of zeros is a mask: the payload goes as it is (RFC 6455 section 5.3).
    size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


async def _empty(clients: list[_Client]) -> None:
    for client in clients:
        client.be_emptied()
    while True:
        for index, client in enumerate(clients):
            client.empty()
            if index % 20 == 0:
                await asyncio.sleep(0)  # the measured ones first
        await asyncio.sleep(_EMPTIED_EVERY_SECONDS)


async def main(port: int, count: int, channel: str, after: int | None) -> None:
    loop = asyncio.get_running_loop()
    crowd = _Crowd(count)
    clients: list[_Client] = []
    for number in range(count):
        subscription: dict[str, object] = {"type": "subscribe", "channels": [channel.format(number)]}
        if after is not None:
            subscription["after"] = after
        client = _Client(crowd, number, subscription)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
    await crowd.all_subscribed.wait()
    emptying = asyncio.create_task(_empty(clients[_MEASURED:]))
    print("ready", flush=True)
    if after is not None:
        await crowd.caught_up.wait()
    else:
        await loop.run_in_executor(None, sys.stdin.readline)
        emptying.cancel()
        for client in clients[_MEASURED:]:
            client.empty()
    found = {"bytes": crowd.bytes, "latencies": crowd.latencies, "seconds": crowd.last - crowd.first}
    print(json.dumps(found), flush=True)
    os._exit(0)  # ten thousand goodbyes are not what is measured


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else None))
