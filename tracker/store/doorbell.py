"""Hearing of what other nodes commit: a connection that listens, and a look at the log every so often behind it.

A notice can be lost, with its connection or with the server; the look makes up for it within a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_log = logging.getLogger("tracker")
_LOOK_SECONDS = 0.75
_RECONNECT_SECONDS = 0.25
Ring: TypeAlias = Callable[[int | None], None]


class Doorbell:
    """``async with Doorbell(…)``: calls ``ring`` on the event loop, until the end.

    With the position of another node's commit; with None when something may have been committed.
    """

    def __init__(self, engine: AsyncEngine, channel: str, ring: Ring, own_session: Callable[[], int | None]) -> None:
        """``own_session``: the server process of this node's writer, whose commits need no bell here."""
        self._engine = engine
        self._channel = channel
        self._ring = ring
        self._own_session = own_session
        self._is_lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look())]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.dispose()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._ring(None)

    async def _listen(self) -> None:
        while True:
            with suppress(DBAPIError):
                async with self._engine.connect() as connection:
                    try:
                        await self._hear(connection)
                    finally:
                        # Never for anybody else: it listens.
                        await connection.invalidate()
            if not self._is_lost:
                self._is_lost = True
                _log.warning(
                    "The connection that hears of other nodes' commits is lost: the log is looked at every %g s until "
                    "there is a new one.",
                    _LOOK_SECONDS,
                )
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _hear(self, connection: AsyncConnection) -> None:
        """Returns when the connection is lost."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        with suppress(connection.dialect.loaded_dbapi.Error):
            await driver.execute(f"LISTEN {self._channel}")
            if self._is_lost:
                _log.info("Other nodes' commits are heard of at once again.")
            self._is_lost = False
            # What was committed while nobody listened.
            self._ring(None)
            async for notice in driver.notifies():
                if notice.pid != self._own_session():
                    self._ring(int(notice.payload))
