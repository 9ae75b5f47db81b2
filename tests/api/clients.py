"""Clients of a server, as a producer or a viewer in another language would write them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import yarl
from websockets.asyncio.client import ClientConnection, connect

PATIENCE_SECONDS = 20
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: the status, the headers, and the JSON of the body."""

    status: int
    headers: dict[str, str]
    body: Any


class HttpClient:
    """Asks one server."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def get(self, path: str, **parameters: Any) -> Answer:
        query = {name: str(value) for name, value in parameters.items()}
        return await self.request("GET", path, params=query or None)

    async def get_encoded(self, path: str) -> Answer:
        """A path that is percent-encoded already, sent as it is."""
        async with self._session.get(yarl.URL(self.url + path, encoded=True)) as response:
            return Answer(response.status, dict(response.headers), await response.json())

    async def post(self, path: str, body: Any) -> Answer:
        return await self.request("POST", path, json=body)

    async def post_bytes(self, path: str, body: bytes, content_type: str | None = "application/json") -> Answer:
        headers = {} if content_type is None else {"Content-Type": content_type}
        skipped = ["Content-Type"] if content_type is None else None
        return await self.request("POST", path, data=body, headers=headers, skip_auto_headers=skipped)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self._session.request(method, self.url + path, **options) as response:
            text = await response.text()
            content = json.loads(text) if text and response.content_type == "application/json" else text
            return Answer(response.status, dict(response.headers), content)

    async def head(self) -> int:
        """The position of the last event, as the server tells it."""
        head: int = (await self.get("/ws/status")).body["head"]
        return head


@asynccontextmanager
async def http_client(url: str, *, keeps_connections: bool = True) -> AsyncIterator[HttpClient]:
    """``keeps_connections``: not where the server may end them so soon that a request meets the end of its own."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    connector = aiohttp.TCPConnector(force_close=not keeps_connections)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield HttpClient(url, session)


class SocketClient:
    """One WebSocket client. Checkpoints, which come by the clock, are left out."""

    def __init__(self, connection: ClientConnection, welcome: Message) -> None:
        self.connection = connection
        self.welcome = welcome

    async def send(self, message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Message:
        """The next message."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message: Message = json.loads(await self.connection.recv())
            if message["type"] != "checkpoint":
                return message

    async def ask(self, message: Any) -> Message:
        """Send a message; the next one is taken for its answer."""
        await self.send(message)
        return await self.receive()

    async def collect(self, count: int) -> list[Message]:
        """The next ``count`` messages."""
        return [await self.receive() for _ in range(count)]

    async def until(self, **wanted: Any) -> list[Message]:
        """The next messages up to the one that has these fields, which is the last of the list."""
        messages = []
        while True:
            messages.append(await self.receive())
            if wanted.items() <= messages[-1].items():
                return messages

    async def subscribe(self, *channels: str, **options: Any) -> Message:
        """Subscribe; returns the confirmation."""
        answer = await self.ask({"type": "subscribe", "channels": list(channels), **options})
        assert answer["type"] == "subscription_confirmed", answer
        return answer

    async def is_silent(self) -> bool:
        """Whether nothing but the answer to a ping comes: whatever was said before it would come first."""
        return bool((await self.ask({"type": "ping"}))["type"] == "pong")


@asynccontextmanager
async def socket_client(url: str) -> AsyncIterator[SocketClient]:
    address = url.replace("http://", "ws://") + "/ws"
    # No limit on what waits to be read: a client that is paused does not see the goodbye either.
    async with connect(address, compression=None, max_size=None, max_queue=None) as connection:
        yield SocketClient(connection, json.loads(await connection.recv()))


def positions(messages: Iterable[Message]) -> list[int]:
    """The places of the events among the messages."""
    return [message["position"] for message in messages if "prev" in message]


def is_unbroken(messages: Iterable[Message], after: int) -> bool:
    """The client's rule: no event's ``prev`` is above the last position handled, and positions only grow."""
    for message in messages:
        if "prev" in message:
            if not message["prev"] <= after < message["position"]:
                return False
            after = message["position"]
    return True
