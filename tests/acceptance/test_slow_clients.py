"""Clients that never read cost the others nothing, are cut, and miss nothing when they come back."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
from websockets.asyncio.client import connect

from tests import figures
from tests.benchmarks import processes

_READERS = 900
_SILENT = 100
_RATE, _SECONDS, _BYTES = 10, 5, 30_000
_JOBS = 5
_EVENTS = _JOBS + _RATE * _SECONDS
_CUT_WITHIN_SECONDS = 12
_MIB = 2**20


async def _connected(session: aiohttp.ClientSession, port: int) -> int:
    async with session.get(f"http://127.0.0.1:{port}/ws/status") as response:
        return int((await response.json())["connected_clients"])


async def _seconds_until(session: aiohttp.ClientSession, port: int, clients: int) -> float:
    begun = time.monotonic()
    async with asyncio.timeout(60):
        while await _connected(session, port) != clients:
            await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def _resumed(port: int) -> list[int]:
    positions: list[int] = []
    async with connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as client:
        await client.send(json.dumps({"type": "subscribe", "channels": ["jobs"], "after": 0}))
        async with asyncio.timeout(60):
            while len(positions) < _EVENTS:
                message = json.loads(await client.recv())
                if "sequence" in message:
                    positions.append(message["position"])
    return positions


async def test_clients_that_never_read_are_cut_and_miss_nothing_when_they_resume(tmp_path: Path) -> None:
    with processes.server(tmp_path) as (server, port), processes.crowd(port, _READERS, "jobs") as readers:
        silent = [processes.silent_client(port) for _ in range(_SILENT)]
        async with aiohttp.ClientSession() as session:
            await _seconds_until(session, port, _READERS + _SILENT)
            before = server.ask("memory")
            await asyncio.to_thread(server.ask, f"emit {_RATE} {_SECONDS} {_JOBS} {_BYTES}")
            growth = server.ask("memory") - before
            cut_after = await _seconds_until(session, port, _READERS)
        assert cut_after <= _CUT_WITHIN_SECONDS
        assert growth <= _SILENT * _MIB, f"{growth / _MIB:.0f} MiB for {_SILENT} silent clients"
        resumed = await asyncio.gather(*[_resumed(port) for _ in range(_SILENT)])
        delivered = readers.ask()["bytes"]
        for client in silent:
            client.close()
    log = list(range(1, _EVENTS + 1))
    assert [positions for positions in resumed if positions != log] == []
    assert delivered > _READERS * _RATE * _SECONDS * _BYTES, "the others did not get everything"
    figures.show(
        "R15: clients that never read",
        f"{_SILENT} cut within {cut_after:.1f} s, {growth / _MIB:.0f} MiB in all, 0 missing",
        "12 s, 1 MiB each, 0 missing",
    )
