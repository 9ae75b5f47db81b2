"""The store's own readers, as the server has them: eight pages are asked for at any time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from tests.tracker.doubles import WAIT
from tracker.filters import EVERYTHING
from tracker.runtime import Tracker
from tracker.store.reader import SqlReader

Read: TypeAlias = Callable[[SqlReader, threading.Event], Awaitable[None]]
_FIRSTS, _PAGE = 2000, 200  # a page is one of those after these positions


@contextmanager
def own_readers(tracker: Tracker, readers: int, read: Read) -> Iterator[None]:
    """They read while the block runs, on an event loop in a thread, as the server's is."""
    over = threading.Event()

    async def run() -> None:
        reader = tracker.store.reader()
        assert isinstance(reader, SqlReader)
        try:
            await asyncio.gather(*[read(reader, over) for _ in range(readers)])
        finally:
            await reader.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(WAIT)
        assert not thread.is_alive()


async def pages(reader: SqlReader, over: threading.Event) -> None:
    """One after the other."""
    while not over.is_set():
        assert await reader.read(random.randrange(_FIRSTS), _PAGE, EVERYTHING)


async def pages_that_nobody_waits_for(reader: SqlReader, over: threading.Event) -> None:
    """As of clients that go away in the middle of an answer."""
    while not over.is_set():
        page = asyncio.create_task(reader.read(random.randrange(_FIRSTS), _PAGE, EVERYTHING))
        await asyncio.sleep(random.uniform(0, 0.01))
        page.cancel()
        with suppress(asyncio.CancelledError):
            await page


async def pages_of_one_moment(reader: SqlReader, over: threading.Event) -> None:
    """What no reader of the store's does: a transaction over many pages."""

    async def read(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql("BEGIN")
        while not over.is_set():
            await connection.run_sync(lambda one: one.exec_driver_sql("SELECT count(*) FROM log_head").all())
            await asyncio.sleep(0.01)

    await reader._reading(read)
