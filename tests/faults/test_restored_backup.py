"""R14: a backup in the place of the log, and clients that come back with cursors of what came after it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from api.websocket_server import WebSocketServer
from tests import figures
from tests.tracker.doubles import WAIT
from tracker.client import subscribe
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import back_up

_BACKED_UP, _SEEN, _HEAD = 20, 50, 60  # positions: of the backup, of the clients' cursors, of the log that went on
_CHANNELS = ["jobs", "photos"]
Message = dict[str, Any]
Resume = Callable[[ClientSession, str, str], Awaitable[list[Message]]]


def _report(reporter: ProgressReporter, job_id: str, count: int) -> None:
    reporter.start_job(job_id)
    for number in range(count - 1):
        reporter.update_progress(job_id, "importing", number % 100)
    reporter.flush(WAIT)


@pytest.fixture
def gone_back(database_url: str, tmp_path: Path) -> tuple[str, str, Path]:
    """The epoch that clients know, the URL of the log, and the backup that is to take its place."""
    backup = tmp_path / "backup.db"
    with ProgressReporter(database_url=database_url) as reporter:
        _report(reporter, "before", _BACKED_UP)
        back_up(database_url, backup)
        _report(reporter, "lost", _SEEN - _BACKED_UP)
        epoch = reporter.tracker.recorder.ask(lambda log: log.head()).epoch
    return epoch, database_url, backup


def _restore(url: str, backup: Path) -> None:
    log = Path(url.removeprefix("sqlite:///"))
    for name in (f"{log.name}-wal", f"{log.name}-shm"):
        log.with_name(name).unlink(missing_ok=True)
    backup.replace(log)


@asynccontextmanager
async def _served_again(url: str) -> AsyncIterator[tuple[ClientSession, str]]:
    """The log goes on, past where the clients had been."""
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=Settings(database_url=url)) as reporter:
        _report(reporter, "after", _HEAD - _BACKED_UP)
        async with ClientSession(server.url) as session:
            yield session, server.url


async def _websocket(session: ClientSession, _: str, epoch: str) -> list[Message]:
    async with session.ws_connect("/ws") as connection:
        await connection.send_json({"type": "subscribe", "channels": _CHANNELS, "after": _SEEN, "epoch": epoch})
        return [message async for message in _until_caught_up(connection)]


async def _until_caught_up(connection: Any) -> AsyncIterator[Message]:
    async for frame in connection:
        message: Message = json.loads(frame.data)
        yield message
        if message["type"] == "caught_up":
            return


async def _event_stream(session: ClientSession, _: str, epoch: str) -> list[Message]:
    found: list[Message] = []
    async with session.get("/events/stream", headers={"Last-Event-ID": f"{_SEEN}@{epoch}"}) as response:
        async for line in response.content:
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
                if found[-1]["type"] == "caught_up":
                    break
    return found


async def _long_poll(session: ClientSession, _: str, epoch: str) -> list[Message]:
    async with session.get("/events", params={"after": _SEEN, "epoch": epoch, "limit": 1000}) as response:
        page = await response.json()
    return [*([{"type": "reset"}] if page.get("reset") else []), *page["events"]]


async def _poll(session: ClientSession, _: str, epoch: str) -> list[Message]:
    async with session.post("/ws/handshake", json={"client_type": "test", "protocol_version": 1}) as response:
        hello = await response.json()
    message = {"type": "subscribe", "channels": _CHANNELS, "after": _SEEN, "epoch": epoch}
    async with session.post("/ws/send", json={"client_id": hello["client_id"], "message": message}) as response:
        assert response.status == 200
    found: list[Message] = []
    cursor = hello["cursor"]
    while not any(message["type"] == "caught_up" for message in found):
        query = {"client_id": hello["client_id"], "cursor": cursor, "wait": 5}
        async with session.get("/ws/poll", params=query) as response:
            page = await response.json()
        found += page["messages"]
        cursor = page["cursor"]
    return found


async def _python_client(_: ClientSession, url: str, epoch: str) -> list[Message]:
    found: list[Message] = []

    def note(message: Message) -> None:
        found.append(message)

    async for event in subscribe(url, after=_SEEN, epoch=epoch, on_notice=note):
        found.append(event)
        if event["position"] == _HEAD:
            break
    return found


_ALL: list[Resume] = [_websocket, _event_stream, _long_poll, _poll, _python_client]


def _positions(messages: list[Message]) -> list[int]:
    return [message["position"] for message in messages if "sequence" in message]


async def test_every_client_is_told_reset_and_begins_anew(gone_back: tuple[str, str, Path]) -> None:
    epoch, url, backup = gone_back
    _restore(url, backup)
    async with _served_again(url) as (session, base):
        for resume in _ALL:
            messages = await resume(session, base, epoch)
            assert "reset" in [message["type"] for message in messages], resume
            assert _positions(messages) == list(range(1, _HEAD + 1)), resume
    figures.show("R14: a backup restored", f"{len(_ALL)} kinds of clients, each told reset", "each is told reset")


async def test_control_with_the_epoch_of_the_log_clients_miss_what_it_got_instead(
    gone_back: tuple[str, str, Path],
) -> None:
    epoch, url, backup = gone_back
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("UPDATE log_head SET epoch = ?", (epoch,))
    _restore(url, backup)
    async with _served_again(url) as (session, base):
        for resume in _ALL:
            messages = await resume(session, base, epoch)
            assert "reset" not in [message["type"] for message in messages], resume
            assert _positions(messages) == list(range(_SEEN + 1, _HEAD + 1)), resume  # 21 to 50 are others than before
