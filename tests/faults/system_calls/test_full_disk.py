"""R4: a disk that is full, and has room again, under a server that is written to, read, and reports itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout

from tests import figures
from tests.acceptance import logs
from tests.faults.small_disk import may_mount, mounted
from tests.faults.system_calls.disks import (
    Disk,
    FullServer,
    LimitedFiles,
    SaysItIsFull,
    SmallDisk,
)

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_FULL_SECONDS = 20.0 if _LONG else 3.0
_WRITERS = 4
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="is full by LD_PRELOAD, or by prlimit()")


@dataclass
class Answers:
    """What writers were answered: seconds of the refusals, positions of the rest; ``last_at``: when the last came."""

    refused: list[float] = field(default_factory=list)
    acknowledged: dict[int, float] = field(default_factory=dict)


@pytest.fixture(params=[SaysItIsFull, LimitedFiles, *([SmallDisk] if may_mount() else [])])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    kind: type[Disk] = request.param
    with mounted(tmp_path / "small") if kind is SmallDisk else nullcontext(tmp_path) as folder:
        yield kind(folder)


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


async def _reads(session: ClientSession, says: str, newest: int) -> None:
    for path in ("/jobs", "/events?after=0", "/healthz"):
        async with session.get(path) as response:
            assert response.status == 200, path
    async with session.get("/readyz") as response:
        assert response.status == 503
        assert says in (await response.json())["error"]
    async with session.get("/events/stream?after=0") as response, asyncio.timeout(30):
        while newest > await _next_position(response):
            pass


async def _next_position(stream: ClientResponse) -> int:
    while not (line := await stream.content.readline()).startswith(b"data: "):
        pass
    return int(json.loads(line.removeprefix(b"data: ")).get("position", 0))


async def _through_a_full_disk(disk: Disk, server: FullServer) -> tuple[Answers, float]:
    """What happened, and the seconds from room to the first acknowledgement."""
    answers, over = Answers(), asyncio.Event()
    async with ClientSession(server.url, timeout=ClientTimeout(total=30)) as session:
        writers = [asyncio.create_task(_write(session, name, answers, over)) for name in range(_WRITERS)]
        await asyncio.sleep(0.5)
        disk.fill(server)
        for _ in range(20):
            server.tell("report")
        await asyncio.sleep(_FULL_SECONDS)
        await _reads(session, disk.says, max(answers.acknowledged))
        disk.free(server)
        room_at = time.monotonic()
        async with asyncio.timeout(30):
            while max(answers.acknowledged.values()) < room_at:
                await asyncio.sleep(0.01)
        waited = min(at for at in answers.acknowledged.values() if at >= room_at) - room_at
        over.set()
        await asyncio.gather(*writers)
    server.tell("flush", "reported")
    return answers, waited


async def test_a_full_disk_refuses_at_once_reads_on_and_loses_nothing(disk: Disk) -> None:
    with disk.server() as server:
        answers, waited = await _through_a_full_disk(disk, server)
    slowest = max(answers.refused)
    figures.show(
        f"R4: {disk.name}",
        f"{len(answers.refused)} x 503 within {slowest:.2f} s, reads go on, room used after {waited:.2f} s, "
        f"0 of {len(answers.acknowledged)} lost",
        "1 s; 5 s; 0 lost",
    )
    assert logs.faults(disk.path, set(answers.acknowledged)) == []
    own = {job_id for job_id in logs.jobs(disk.path) if job_id.startswith("own-")}
    assert len(own) == 20
    assert len(answers.refused) > 10
    assert slowest <= (1.0 if _LONG else 10.0)
    assert waited <= (5.0 if _LONG else 20.0)


async def test_control_who_takes_a_failed_commit_for_done_loses_what_he_acknowledged(tmp_path: Path) -> None:
    disk = SaysItIsFull(tmp_path)
    with disk.server("credulous") as server:
        answers, over = Answers(), asyncio.Event()
        async with ClientSession(server.url, timeout=ClientTimeout(total=30)) as session:
            disk.fill(server)
            writer = asyncio.create_task(_write(session, 0, answers, over))
            async with asyncio.timeout(20):
                while not answers.acknowledged:
                    await asyncio.sleep(0.01)
            over.set()
            await writer
    faults = logs.faults(disk.path, set(answers.acknowledged))
    assert any("acknowledged and gone" in fault for fault in faults)
