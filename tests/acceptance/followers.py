"""Clients written to the protocol alone, one a transport: each lives until it is killed, then resumes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

Message = dict[str, Any]
_decode = msgspec.json.Decoder(Message).decode


class Killed(Exception):
    """This life is over; the next resumes."""


class Missed(Exception):
    """The stream itself says that something is missing."""


class Follower(ABC):
    """``positions``: what it was given, in the order it was given it. ``lives``: how often it connected."""

    def __init__(self, url: str, chance: random.Random, longest_life: int, *, checks_prev: bool = True) -> None:
        self.url = url
        self.positions: list[int] = []
        self.lives = 0
        self._cursor = 0
        self._chance = chance
        self._longest_life = longest_life
        self._checks_prev = checks_prev

    async def follow(self, until: int) -> None:
        """Live and die until the cursor has reached a position."""
        async with ClientSession() as session:
            while self._cursor < until:
                self.lives += 1
                self._left = self._chance.randint(1, self._longest_life)
                with contextlib.suppress(Killed, Missed, ClientError, OSError):
                    await self._live(session, until)

    @abstractmethod
    async def _live(self, session: ClientSession, until: int) -> None:
        """Connect, take events, and end when the cursor has reached ``until``."""

    def take(self, message: Message) -> None:
        """An event, or where the stream is complete."""
        if "sequence" in message:
            self._check(message)
            self.positions.append(message["position"])
            self._cursor = message["position"]
            self._left -= 1
        elif message["type"] in ("caught_up", "checkpoint"):
            self._check(message)
            self._cursor = max(self._cursor, message["position"])
        if self._left <= 0:
            raise Killed

    def _check(self, message: Message) -> None:
        if self._checks_prev and message.get("prev", 0) > self._cursor:
            raise Missed


class WebSocketFollower(Follower):
    """``/ws``."""

    async def _live(self, session: ClientSession, until: int) -> None:
        async with session.ws_connect(f"{self.url}/ws") as connection:
            await connection.send_json({"type": "subscribe", "channels": ["jobs", "photos"], "after": self._cursor})
            try:
                async for frame in connection:
                    if frame.type is WSMsgType.TEXT:
                        self.take(_decode(frame.data))
                    if self._cursor >= until:
                        return
            except Killed:
                self._kill(connection)
                raise

    def _kill(self, connection: ClientWebSocketResponse) -> None:
        # Half of them without a goodbye: the connection is cut under the protocol.
        if self._chance.random() < 0.5:
            with contextlib.suppress(OSError):
                connection.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class EventStreamFollower(Follower):
    """``/events/stream``, resumed by ``Last-Event-ID``."""

    _last_event_id = "0"

    async def _live(self, session: ClientSession, until: int) -> None:
        headers = {"Last-Event-ID": self._last_event_id}
        async with session.get(f"{self.url}/events/stream", headers=headers) as response:
            async for identifier, message in _events(response.content):
                try:
                    self.take(message)
                finally:
                    # Also of the event at which it was killed: that one was handled.
                    if identifier and self._cursor >= int(identifier.partition("@")[0]):
                        self._last_event_id = identifier
                if self._cursor >= until:
                    return


async def _events(content: asyncio.StreamReader | Any) -> AsyncIterator[tuple[str, Message]]:
    identifier = ""
    async for line in content:
        if line.startswith(b"id: "):
            identifier = line[4:].strip().decode()
        elif line.startswith(b"data: "):
            yield identifier, _decode(line[6:])
            identifier = ""


class LongPollFollower(Follower):
    """``GET /events?after=&wait=``; killed between requests, or before it has seen an answer."""

    async def _live(self, session: ClientSession, until: int) -> None:
        while self._cursor < until:
            query = {"after": self._cursor, "limit": 1000, "wait": 5}
            async with session.get(f"{self.url}/events", params=query) as response:
                page = _decode(await response.read())
            if self._chance.random() < 0.05:
                raise Killed  # the answer was lost on the way
            for event in page["events"]:
                self.take(event)
            self._cursor = max(self._cursor, page["checkpoint"])


class PollFollower(Follower):
    """``/ws/handshake`` and ``/ws/poll``; a new life is a new client, or the same one asking again."""

    async def _live(self, session: ClientSession, until: int) -> None:
        hello = {"client_type": "test", "protocol_version": 1}
        async with session.post(f"{self.url}/ws/handshake", json=hello) as response:
            answer = _decode(await response.read())
        client, cursor = answer["client_id"], answer["cursor"]
        subscribe = {"type": "subscribe", "channels": ["jobs", "photos"], "after": self._cursor}
        async with session.post(f"{self.url}/ws/send", json={"client_id": client, "message": subscribe}) as response:
            assert _decode(await response.read())["success"]
        try:
            while self._cursor < until:
                query = {"client_id": client, "cursor": cursor, "wait": 5}
                async with session.get(f"{self.url}/ws/poll", params=query) as response:
                    page = _decode(await response.read())
                if self._chance.random() < 0.1:
                    continue  # the answer was lost on the way: the same cursor again
                for message in page["messages"]:
                    self.take(message)
                cursor = page["cursor"]
        finally:
            await session.post(f"{self.url}/ws/disconnect", json={"client_id": client})


TRANSPORTS: tuple[type[Follower], ...] = (WebSocketFollower, EventStreamFollower, LongPollFollower, PollFollower)
