"""R4: a disk that is full, and has room again, under a server that is written to, read, and reports itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from tests import figures
from tests.acceptance import logs
from tests.faults.preload import compiled

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_FULL_SECONDS = 20.0 if _LONG else 3.0
_WRITERS = 4
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="is full by LD_PRELOAD")


@dataclass
class Answers:
    """What writers were answered: seconds of the refusals, positions of the rest; ``last_at``: when the last came."""

    refused: list[float] = field(default_factory=list)
    acknowledged: dict[int, float] = field(default_factory=dict)


class FullServer:
    """The process of ``full_disk.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}"

    def tell(self, word: str, answer: str | None = None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        if answer is not None:
            assert self._line() == answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def _server(folder: Path, *control: str) -> Iterator[FullServer]:
    environment = {**os.environ, "LD_PRELOAD": str(compiled(_HERE / "failing.c", folder))}
    command = [sys.executable, "-m", "tests.faults.system_calls.full_disk", f"sqlite:///{folder}/log.db", *control]
    with subprocess.Popen(
        command, env=environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield FullServer(process)
        finally:
            process.kill()


async def _write(session: ClientSession, name: int, answers: Answers, over: asyncio.Event) -> None:
    number = 0
    while not over.is_set():
        begun = time.monotonic()
        event = {"type": "job_started", "job_id": f"job-{name}-{number}"}
        async with session.post("/events", json=event) as response:
            body = await response.json()
        if response.status == 503:
            assert (body["code"], body["success"]) == ("store_unavailable", False), body
            answers.refused.append(time.monotonic() - begun)
            await asyncio.sleep(0.05)
        else:
            assert response.status == 200, body
            answers.acknowledged[body["position"]] = time.monotonic()
            number += 1


async def _reads(session: ClientSession) -> None:
    for path in ("/jobs", "/events?after=0", "/healthz"):
        async with session.get(path) as response:
            assert response.status == 200, path
    async with session.get("/readyz") as response:
        assert response.status == 503
        assert "full" in (await response.json())["error"]


async def _through_a_full_disk(server: FullServer) -> tuple[Answers, float]:
    """What happened, and the seconds from room to the first acknowledgement."""
    answers, over = Answers(), asyncio.Event()
    async with ClientSession(server.url, timeout=ClientTimeout(total=30)) as session:
        writers = [asyncio.create_task(_write(session, name, answers, over)) for name in range(_WRITERS)]
        await asyncio.sleep(0.5)
        server.tell("full", "full")
        for _ in range(20):
            server.tell("report")
        await asyncio.sleep(_FULL_SECONDS)
        await _reads(session)
        server.tell("room", "room")
        room_at = time.monotonic()
        async with asyncio.timeout(30):
            while max(answers.acknowledged.values()) < room_at:
                await asyncio.sleep(0.01)
        waited = min(at for at in answers.acknowledged.values() if at >= room_at) - room_at
        over.set()
        await asyncio.gather(*writers)
    server.tell("flush", "reported")
    return answers, waited


async def test_a_full_disk_refuses_at_once_reads_on_and_loses_nothing(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        answers, waited = await _through_a_full_disk(server)
    slowest = max(answers.refused)
    figures.show(
        "R4: a full disk",
        f"{len(answers.refused)} x 503 within {slowest:.2f} s, reads go on, room used after {waited:.2f} s, "
        f"0 of {len(answers.acknowledged)} lost",
        "1 s; 5 s; 0 lost",
    )
    assert logs.faults(tmp_path / "log.db", set(answers.acknowledged)) == []
    own = {job_id for job_id in logs.jobs(tmp_path / "log.db") if job_id.startswith("own-")}
    assert len(own) == 20
    assert len(answers.refused) > 10
    assert slowest <= (1.0 if _LONG else 10.0)
    assert waited <= (5.0 if _LONG else 20.0)


async def test_control_who_takes_a_failed_commit_for_done_loses_what_he_acknowledged(tmp_path: Path) -> None:
    with _server(tmp_path, "credulous") as server:
        answers, over = Answers(), asyncio.Event()
        async with ClientSession(server.url, timeout=ClientTimeout(total=30)) as session:
            server.tell("full", "full")
            writer = asyncio.create_task(_write(session, 0, answers, over))
            async with asyncio.timeout(20):
                while not answers.acknowledged:
                    await asyncio.sleep(0.01)
            over.set()
            await writer
    faults = logs.faults(tmp_path / "log.db", set(answers.acknowledged))
    assert any("acknowledged and gone" in fault for fault in faults)
