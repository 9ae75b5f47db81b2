"""Tokens of those who ask, as the log's database has them, and the visits that end when one is revoked."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tracker import tokens
from tracker.errors import StoreError
from tracker.store.base import Reader
from tracker.times import now
from tracker.tokens import Access, Token, Unauthorized

_log = logging.getLogger("tracker")
_READ_EVERY_SECONDS = 2.0
_SOONEST_SECONDS = 0.2


class TokenBook:
    """The tokens, read again every two seconds, and at once when an unknown one is shown. Event loop only."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._tokens: dict[str, Token] = {}
        self._read_at = 0.0  # by the loop's clock
        self._reading: asyncio.Task[None] | None = None
        self._visits: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)  # by token_id

    @property
    def is_empty(self) -> bool:
        """Whether there is no token that is good now."""
        return not any(token.is_good(now()) for token in self._tokens.values())

    async def authenticate(self, text: str) -> Access:
        """What the bearer of a token may do.

        Raises:
            Unauthorized: If it is not good.
        """
        token_id, secret = tokens.read(text)
        if token_id not in self._tokens:
            await self._read_shortly()
        token = self._tokens.get(token_id)
        if token is None or not token.has_secret(secret) or token.revoked_at is not None:
            raise Unauthorized("This token is not known here, or was revoked.")
        if not token.is_good(now()):
            raise Unauthorized(f"The token {token.name!r} has expired. Make a new one with `tracker token create`.")
        return Access(token.token_id, token.name, frozenset(token.scopes), frozenset(token.job_prefixes))

    async def read(self) -> None:
        """Read the tokens anew."""
        self._read_at = asyncio.get_running_loop().time()
        self._tokens = {token.token_id: token for token in await self._reader.tokens()}

    async def _read_shortly(self) -> None:
        # It may have been made a moment ago. Whoever shows unknown ones has the table read five times a second at most,
        # and waits for it.
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_in_its_time())
        await asyncio.shield(self._reading)

    async def _read_in_its_time(self) -> None:
        await asyncio.sleep(self._read_at + _SOONEST_SECONDS - asyncio.get_running_loop().time())
        await self.read()

    def enter(self, access: Access, end: Callable[[], None]) -> None:
        """From now until :meth:`leave`, ``end`` is called when the token is revoked or expires."""
        if access.token_id is not None:
            self._visits[access.token_id].add(end)

    def leave(self, access: Access, end: Callable[[], None]) -> None:
        """The visit is over; harmless if there was none."""
        visits = self._visits.get(access.token_id or "")
        if visits is not None:
            visits.discard(end)
            if not visits:
                del self._visits[access.token_id or ""]

    @contextmanager
    def visit(self, access: Access, end: Callable[[], None]) -> Iterator[None]:
        """:meth:`enter`, and :meth:`leave` at the end of the block."""
        self.enter(access, end)
        try:
            yield
        finally:
            self.leave(access, end)

    async def watch(self) -> None:
        """Read the tokens every two seconds, and end the visits of those that are good no more. Never returns."""
        try:
            while True:
                await asyncio.sleep(_READ_EVERY_SECONDS)
                await self._read_again()
                self._end_visits()
        finally:
            if self._reading is not None:
                self._reading.cancel()

    async def _read_again(self) -> None:
        try:
            await self.read()
        except StoreError as error:
            _log.warning("The tokens cannot be read just now: %s", error)

    def _end_visits(self) -> None:
        at = now()
        for token_id in list(self._visits):
            token = self._tokens.get(token_id)
            if token is None or not token.is_good(at):
                for end in list(self._visits[token_id]):
                    end()
