"""What bombs cost a server: ``python -m tests.security.bombing DATABASE EVERY``: every so-manieth of them.

One process, and nothing else in it: the server on the main thread, whose processor time is measured, and one client
on another, which sends, waits for the answer, and sends the next. Prints a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from websockets.sync.client import connect

from api.serving import serving
from api.wire import MAX_BODY_BYTES, MAX_MESSAGE_BYTES
from tests.security.bombs import bombs, crowds
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

REACH_SECONDS = 0.05
_TRIES = 6
_ORDINARY_REQUESTS = 200
_ORDINARY = b'{"type":"job_progress","job_id":"job","stage":"importing","progress":1}'
_FOR_CLIENTS = (b'{"type":"ping"', b'{"type":"subscribe"')
Send = Callable[[bytes], str]
"""Sends something and waits; returns what came of it: an HTTP status, or the code of a WebSocket message."""


class Cost(Struct):
    """What a bomb came to: ``seconds`` is the least of the tries, ``recorded`` the events of all of them."""

    name: str
    way: str
    outcome: str
    tries: int
    seconds: float
    recorded: int


class Costs(Struct):
    """What all came to; ``ordinary`` is the median of an ordinary report, in seconds."""

    ordinary: float
    bombs: list[Cost]


class _Deed(Struct):
    name: str
    way: str
    send: Send
    data: bytes


class _Client:
    """One client, over HTTP and over a WebSocket. Blocking."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port)
        stack.callback(self._http.close)
        self._socket = stack.enter_context(connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_size=None))
        self._socket.recv()
        self._id = self.post("/ws/handshake", b"{}")[1]["client_id"]

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        self._http.request("POST", path, body, {"Content-Type": "application/json"})
        response = self._http.getresponse()
        return response.status, json.loads(response.read())

    def record(self, body: bytes) -> str:
        status, answer = self.post("/events", body)
        return f"{status} {answer.get('code', 'recorded')}"

    def send(self, message: bytes, field: str = "message") -> str:
        body = b'{"client_id":"%b","%b":%b}' % (self._id.encode(), field.encode(), message)
        status, answer = self.post("/ws/send", body)
        return f"{status} {_codes(answer['response']) if status == 200 else answer['code']}"

    def send_many(self, messages: bytes) -> str:
        return self.send(messages, "messages")

    def say(self, message: bytes) -> str:
        try:
            message.decode()
        except UnicodeDecodeError:
            self._socket.send(message)  # as a text it would break the protocol itself
        else:
            self._socket.send(message, text=True)
        return _codes(json.loads(self._socket.recv(timeout=60)))

    def head(self) -> int:
        self._http.request("GET", "/ws/status")
        head: int = json.loads(self._http.getresponse().read())["head"]
        return head


def _codes(answer: Any) -> str:
    answers = answer if isinstance(answer, list) else [answer]
    return ", ".join(sorted({str(one["code"] if one["type"] == "error" else one["type"]) for one in answers}))


def _deeds(client: _Client, every: int) -> Iterator[_Deed]:
    # A little less than a body may have: some are wrapped in one for /ws/send.
    for (name, large), (_, small) in zip(
        bombs(MAX_BODY_BYTES - 100, every), bombs(MAX_MESSAGE_BYTES, every), strict=True
    ):
        if large.startswith(_FOR_CLIENTS):
            yield _Deed(name, "/ws/send", client.send, large)
        else:
            yield _Deed(name, "/events", client.record, large)
        yield _Deed(name, "/ws", client.say, small)
    for name, messages in crowds():
        yield _Deed(name, "/ws/send", client.send_many, messages)


class _Bombing:
    """Runs on the server's loop, while the client talks from a thread of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._elsewhere = partial(asyncio.get_running_loop().run_in_executor, pool)

    async def run(self, port: int, every: int) -> Costs:
        with ExitStack() as stack:
            client = await self._elsewhere(_Client, port, stack)
            gc.collect()  # what the process began with is no work of the requests to come
            ordinary = [(await self._send(client.record, _ORDINARY))[0] for _ in range(_ORDINARY_REQUESTS)]
            costs = [await self._cost(client, deed) for deed in _deeds(client, every)]
            return Costs(statistics.median(ordinary), costs)

    async def _cost(self, client: _Client, deed: _Deed) -> Cost:
        before = await self._elsewhere(client.head)
        tries = [await self._send(deed.send, deed.data)]
        # A pause of the machine, or of the garbage collector, is not the bomb's: that one is slow each time.
        while min(tries)[0] > REACH_SECONDS and len(tries) < _TRIES:
            tries.append(await self._send(deed.send, deed.data))
        recorded = await self._elsewhere(client.head) - before
        return Cost(deed.name, deed.way, tries[0][1], len(tries), min(tries)[0], recorded)

    async def _send(self, send: Send, data: bytes) -> tuple[float, str]:
        begun = time.thread_time()
        outcome = await self._elsewhere(send, data)
        return time.thread_time() - begun, outcome


async def _run(reporter: ProgressReporter, every: int) -> Costs:
    with ThreadPoolExecutor(1) as pool:
        async with serving(reporter.tracker, "127.0.0.1", 0) as port:
            return await _Bombing(pool).run(port, every)


def main(database: str, every: int) -> None:
    # As often as one likes: how dear one is, and not how many, is the question.
    settings = Settings(database_url=f"sqlite:///{database}", requests_per_second=10**6)
    with ProgressReporter(settings=settings) as reporter:
        reporter.start_job("job").wait()
        costs = asyncio.run(_run(reporter, every))
    print(msgspec.json.encode(costs).decode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
