"""A client that cannot hold a connection open: it asks again and again, with a cursor.

Its cursor says where it is and what it is still to be told: reading changes nothing, and the same cursor gives the
same messages, however often an answer was lost on the way.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from tracker.errors import InvalidQuery
from tracker.feed import EventFeed, StreamedEvent
from tracker.store.base import LogHead
from tracker.times import iso, now
from tracker.tokens import Access

from .clients import Transport
from .long_poll import next_events
from .placing import read_cursor_id, start_at
from .session import Message, Session

EXPIRES_AFTER_SECONDS = 180
_MESSAGES_A_POLL = 500
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Cursor(Struct, frozen=True):
    """Where a client is. ``generation`` counts its subscriptions that named a place.

    ``welcome``, ``notices`` (of the generation) and ``catching_up``: what is still to be said.
    """

    generation: int
    position: int
    epoch: str
    welcome: bool = False
    notices: bool = False
    catching_up: bool = False

    def text(self) -> str:
        """As the client keeps it; opaque to it."""
        flags = "".join(
            letter for letter, is_set in (("w", self.welcome), ("n", self.notices), ("c", self.catching_up)) if is_set
        )
        return f"{self.generation}{flags}.{self.position}@{self.epoch}"


def read_cursor(text: str) -> Cursor:
    """The cursor behind a text that :meth:`Cursor.text` made, else :class:`InvalidQuery`."""
    generation, dot, place = text.partition(".")
    number = generation.rstrip("wnc")
    flags = generation[len(number) :]
    if not (dot and number.isascii() and number.isdigit() and len(number) <= 9):
        raise InvalidQuery("cursor", text, "is not one that this server gave")
    position, epoch = read_cursor_id(place)
    return Cursor(int(number), position, epoch or "", "w" in flags, "n" in flags, "c" in flags)


class PollClient:
    """One polling client. Event loop only."""

    transport: Transport = "poll"

    def __init__(
        self, session: Session, feed: EventFeed, access: Access, welcome: Message, cursor: Cursor, place: ExitStack
    ) -> None:
        """``place`` is given back when the client goes."""
        self.session = session
        self.access = access
        self._feed = feed
        self._welcome = welcome
        self._notices: tuple[Message, ...] = ()
        self._begin = cursor  # of the generation
        self._cursor = cursor  # the server's own, for a client that sends none
        self._place = place
        self._changed = asyncio.Event()
        self._seen_at = asyncio.get_running_loop().time()

    @property
    def cursor(self) -> str:
        """The server's own cursor for this client."""
        return self._cursor.text()

    @property
    def is_expired(self) -> bool:
        """Whether it has not been heard of for three minutes."""
        return asyncio.get_running_loop().time() - self._seen_at > EXPIRES_AFTER_SECONDS

    def seen(self) -> None:
        """It asked for something."""
        self._seen_at = asyncio.get_running_loop().time()

    def follow(self, after: int | None, epoch: str | None, head: LogHead, *, is_first: bool) -> int:
        """Take over the session's channels; returns the place from which they are followed.

        Raises:
            InvalidQuery: If ``after`` is beyond the head of the log.
            Forbidden: If the client may not read.
        """
        self._feed.narrow(self.session.filter)
        if after is None and epoch in (None, head.epoch):
            if is_first:
                self._begin_at(self._feed.tail, (), is_first_answer=self._cursor.welcome, catching_up=False)
        else:
            start = start_at(after or 0, epoch, head)
            self._begin_at(start.after, start.notices, is_first_answer=self._cursor.welcome, catching_up=True)
        self._changed.set()
        return self._cursor.position

    def refollow(self) -> None:
        """The session's channels became fewer."""
        self._changed.set()

    async def poll(self, text: str | None, wait_seconds: float) -> tuple[list[Message], str]:
        """The messages after a cursor (None: the server's own), and the cursor after them."""
        cursor = self._cursor if text is None else self._known(read_cursor(text))
        told = self._told(cursor)
        events, complete = await self._events(cursor.position, 0 if told else wait_seconds)
        told += [_decode(event.text) for event in events]
        catching_up = cursor.catching_up
        if catching_up and complete >= self._feed.tail:
            told.append({"type": "caught_up", "position": complete, "prev": events[-1].position if events else 0})
            catching_up = False
        after = replace(cursor, position=complete, welcome=False, notices=False, catching_up=catching_up)
        if after.generation == self._begin.generation:
            self._cursor = after
        return told, after.text()

    def leave(self) -> None:
        """Give the place back; polls that wait are answered."""
        self._changed.set()
        self._place.close()

    def describe(self) -> dict[str, Any]:
        """See :class:`api.clients.Client`."""
        return {
            "client_id": self.session.client_id,
            "client_type": self.session.client_type,
            "client_name": self.session.client_name,
            "transport": self.transport,
            "channels": sorted(self.session.channels),
            "cursor": self._cursor.position,
            "lag": self._feed.tail - self._cursor.position,
            "connected_since": iso(self.session.connected_at),
        }

    def send_checkpoint(self) -> None:
        """Every answer carries its cursor; there is nothing to send."""

    async def dismiss(self) -> None:
        """See :class:`api.clients.Client`."""
        self.leave()

    def _begin_at(
        self, position: int, notices: tuple[Message, ...], *, is_first_answer: bool, catching_up: bool
    ) -> None:
        self._notices = notices
        self._begin = self._cursor = Cursor(
            self._begin.generation + 1,
            position,
            self._feed.epoch,
            welcome=is_first_answer,
            notices=bool(notices),
            catching_up=catching_up,
        )

    def _known(self, cursor: Cursor) -> Cursor:
        """A cursor of this log and of the latest subscription that named a place; else where that began."""
        is_ours = cursor.epoch == self._feed.epoch and cursor.position <= self._feed.tail
        return cursor if is_ours and cursor.generation == self._begin.generation else self._begin

    def _told(self, cursor: Cursor) -> list[Message]:
        welcome = [self._welcome] if cursor.welcome else []
        return [*welcome, *(self._notices if cursor.notices else ())]

    async def _events(self, position: int, wait_seconds: float) -> tuple[list[StreamedEvent], int]:
        self._changed.clear()
        changed = asyncio.create_task(self._changed.wait())
        if not self.session.channels:
            await asyncio.wait({changed}, timeout=wait_seconds)
            changed.cancel()
            return [], position
        wanted = self.session.filter
        reading = asyncio.create_task(next_events(self._feed, wanted, position, _MESSAGES_A_POLL, wait_seconds))
        await asyncio.wait({reading, changed}, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        if reading.done() and self.session.filter == wanted:
            return reading.result()
        # It subscribed to something else meanwhile, or left: it asks again, and is told then.
        reading.cancel()
        return [], position


def welcome(session: Session, head: LogHead) -> tuple[Message, Cursor]:
    """What a new client is told first, and the cursor that says so."""
    return session.welcome(head, now()), Cursor(0, head.position, head.epoch, welcome=True)


POLL_CLIENTS = web.AppKey("poll_clients", dict[str, PollClient])
