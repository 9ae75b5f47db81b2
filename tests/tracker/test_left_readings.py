"""A reading that nobody waits for any more goes on to its end: nothing of it is left when the reader is closed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.tracker.doubles import WAIT
from tracker.store.reader import SqlReader
from tracker.store.sqlite import SqliteStore, open_reader


@pytest.fixture
def reader(tmp_path: Path) -> SqlReader:
    SqliteStore(tmp_path / "log.db").close()
    return open_reader(tmp_path / "log.db")


class Gate:
    """Connections to SQLite are opened as long as it is open; what threads did not catch is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.failures: list[BaseException | None] = []
        self._connect: Callable[..., sqlite3.Connection] = sqlite3.connect
        self._threads: set[threading.Thread] = set()
        monkeypatch.setattr(sqlite3, "connect", self._wait_and_connect)
        monkeypatch.setattr(threading, "excepthook", lambda failure: self.failures.append(failure.exc_value))

    def _wait_and_connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        self._threads.add(threading.current_thread())
        self.reached.set()
        assert self.opened.wait(WAIT)
        return self._connect(*arguments, **options)

    def open_late(self) -> None:
        """Soon after what runs on the loop now."""
        asyncio.get_running_loop().call_later(0.2, self.opened.set)

    def join(self) -> None:
        """Until all threads that connected have ended."""
        self.opened.set()
        for thread in self._threads:
            thread.join(WAIT)
            assert not thread.is_alive()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, reader: SqlReader) -> Iterator[Gate]:  # opened before
    gate = Gate(monkeypatch)
    yield gate
    gate.join()


async def _leave(gate: Gate, reading: asyncio.Task[Any]) -> None:
    assert await asyncio.to_thread(gate.reached.wait, WAIT)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    gate.open_late()


def test_closing_waits_for_what_nobody_waits_for(reader: SqlReader, gate: Gate) -> None:
    async def leave_and_close() -> None:
        await _leave(gate, asyncio.create_task(reader.head()))
        await reader.close()

    asyncio.run(leave_and_close())
    gate.join()
    assert gate.failures == []


def test_control_a_connection_that_is_left_half_open_speaks_to_a_loop_that_is_gone(
    reader: SqlReader, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unshielded(read: Callable[[AsyncConnection], Any]) -> Any:
        return await reader._read(read)

    monkeypatch.setattr(reader, "_reading", unshielded)

    async def leave_and_close() -> None:
        await _leave(gate, asyncio.create_task(reader.head()))
        await reader.close()

    asyncio.run(leave_and_close())
    gate.join()
    assert [str(failure) for failure in gate.failures] == ["Event loop is closed"]


async def test_what_is_left_keeps_its_connection_and_the_others_wait_their_turn(reader: SqlReader, gate: Gate) -> None:
    left = [asyncio.create_task(reader.head()) for _ in range(reader._connections)]
    assert await asyncio.to_thread(gate.reached.wait, WAIT)
    for reading in left:
        reading.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    waiting = asyncio.create_task(reader.head())
    await asyncio.sleep(0)
    assert reader._turn.locked()
    gate.opened.set()
    assert (await waiting).position == 0
    await reader.close()
