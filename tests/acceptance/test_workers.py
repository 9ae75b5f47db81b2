"""Worker processes killed with -9, the server killed and started again under them, answers cut: nothing is lost.

Every life of a worker reports a job of its own, so that what it had said to be spooled can be looked for in the log.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from tests import figures
from tests.acceptance.server_script import SERVER
from tests.ports import free_port

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_WORKERS = 4
_KILLS = 1000 if _LONG else 16
_OF_A_CONTROL = 16
_RESTARTS = 5
_EVENTS_A_LIFE = 100_000
_CUT_ONE_ANSWER_IN = 5
_PATIENCE_SECONDS = 1500 if _LONG else 120
_NUMBERED_SERVER = SERVER.replace("port=0", "port=int(sys.argv[2])")


class Servers:
    """One server after the other on one log and one port."""

    def __init__(self, database: Path) -> None:
        self.port = free_port()
        self._database = database
        self._process: Process | None = None

    async def start(self) -> None:
        arguments = ("-c", _NUMBERED_SERVER, f"sqlite:///{self._database}", str(self.port))
        self._process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE)
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == f"{self.port}\n".encode()

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def _cutting(port: int, chance: random.Random) -> AsyncIterator[int]:
    """A way to the server on which some answers are lost."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        asking = asyncio.create_task(_pump(reader, back))
        with suppress(ConnectionError):
            while data := await there.read(65536):
                if chance.randrange(_CUT_ONE_ANSWER_IN) == 0:
                    break
                writer.write(data)
                await writer.drain()
        asking.cancel()
        for end in (writer, back):
            end.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Workers:
    """Lives of workers, and what each had said to be spooled when it was killed."""

    def __init__(self, url: str, spool: Path, mode: tuple[str, ...], kills: int, chance: random.Random) -> None:
        self._arguments = (url, str(spool))
        self._wanted = kills
        self._mode = mode
        self._chance = chance
        self.spooled: dict[str, int] = {}
        self.kills = 0

    async def lives(self, number: int) -> None:
        life = 0
        while self.kills < self._wanted:
            await self._life(f"worker_{number}_{life}")
            life += 1

    async def last_life(self) -> None:
        """A worker that is let live: it delivers what the others left, and its own."""
        process = await self._start("the_last", 100)
        assert process.stdout is not None
        await process.stdout.read()
        assert await process.wait() == 0
        self.spooled["the_last"] = 100

    async def _life(self, job_id: str) -> None:
        process = await self._start(job_id, _EVENTS_A_LIFE)
        assert process.stdout is not None
        said = [await process.stdout.readline()]
        await asyncio.sleep(self._chance.uniform(0, 0.4))  # the instant of the kill is what is drawn
        self.kills += 1
        process.kill()
        said += (await process.stdout.read()).splitlines(keepends=True)
        await process.wait()
        self.spooled[job_id] = max((int(line) for line in said if line.endswith(b"\n")), default=0)

    async def _start(self, job_id: str, count: int) -> Process:
        command = ("-m", "tests.acceptance.worker", *self._arguments, job_id, str(count), *self._mode)
        return await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)


def _recorded(database: Path) -> dict[str, list[int]]:
    """The numbers of each job, in the order of the log."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT job_id, payload FROM events WHERE type = 'job_progress' ORDER BY position"
        for job_id, payload in connection.execute(query):
            found[job_id].append(json.loads(payload)["details"]["number"])
    return found


async def _torment(tmp_path: Path, kills: int, mode: tuple[str, ...] = ()) -> tuple[Workers, dict[str, list[int]]]:
    chance = random.Random(6)
    database = tmp_path / "log.db"
    servers = Servers(database)
    async with AsyncExitStack() as stack, asyncio.timeout(_PATIENCE_SECONDS):
        await servers.start()
        port = await stack.enter_async_context(_cutting(servers.port, chance))
        workers = Workers(f"http://127.0.0.1:{port}", tmp_path / "spool", mode, kills, chance)
        living = [asyncio.create_task(workers.lives(number)) for number in range(_WORKERS)]
        for restart in range(1, _RESTARTS + 1):
            while workers.kills < kills * restart // (_RESTARTS + 1):
                await asyncio.sleep(0.05)
            await servers.kill()
            await servers.start()
        await asyncio.gather(*living)
        await workers.last_life()
        await servers.kill()
    return workers, _recorded(database)


@pytest.mark.timeout(_PATIENCE_SECONDS + 30)
async def test_every_spooled_event_is_recorded_once_and_in_order(tmp_path: Path) -> None:
    workers, recorded = await _torment(tmp_path, _KILLS)
    lost = {
        job_id: (spooled, len(recorded.get(job_id, [])))
        for job_id, spooled in workers.spooled.items()
        if len(recorded.get(job_id, [])) < spooled
    }
    assert lost == {}
    wrong = {job_id: numbers for job_id, numbers in recorded.items() if numbers != list(range(len(numbers)))}
    assert wrong == {}, "duplicates, or out of order"
    assert list((tmp_path / "spool").glob("*/*.spool")) == []
    total = sum(map(len, recorded.values()))
    figures.show(
        "R8b: workers with a spool killed",
        f"{workers.kills} workers killed, {_RESTARTS} server restarts, 1 answer in {_CUT_ONE_ANSWER_IN} cut: "
        f"{sum(workers.spooled.values())} spooled, {total} recorded, 0 lost, 0 duplicates",
        "0 lost, 0 duplicates in 1,000 kills",
    )


@pytest.mark.timeout(_PATIENCE_SECONDS + 30)
async def test_control_without_ids_events_are_recorded_twice(tmp_path: Path) -> None:
    _, recorded = await _torment(tmp_path, _OF_A_CONTROL, ("plain",))
    assert any(len(set(numbers)) < len(numbers) for numbers in recorded.values())
