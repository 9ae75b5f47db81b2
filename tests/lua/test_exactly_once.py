"""R18: the plug-in reports and follows while answers are cut and the server is killed: everything once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import figures
from tests.acceptance import logs
from tests.lua.cutting_proxy import CuttingProxy, cutting_proxy
from tests.lua.server_process import running
from tests.lua.tools import ROOT, lua
from tracker.messages import message

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_QUESTIONS = 10_000 if _LONG else 500
_RESTARTS = 5
_SHARE_CUT = 0.05
_PATIENCE_SECONDS = 1500 if _LONG else 200


@dataclass
class Exchange:
    """What came of it: events by their number as the log has them, and as listeners heard them with their positions."""

    said: int
    logged: list[int]
    heard: list[tuple[int, int]]
    head: int
    told: dict[str, Any]
    proxy: CuttingProxy


def _number(text: str | None) -> int:
    """Of an event's message; 0 for the job's start."""
    return int(text.removeprefix("event ")) if text else 0


class Server:
    """A server that is killed and started anew on the same log."""

    def __init__(self, url: str, proxy: CuttingProxy) -> None:
        self._url = url
        self._proxy = proxy
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        self._stack = contextlib.ExitStack()
        _, self._proxy.server_port = self._stack.enter_context(running(self._url))

    def kill(self) -> None:
        self._stack.close()


async def _exchange(folder: Path, events: int, restarts: int, without: str = "") -> Exchange:
    (folder / "lightroom").mkdir()
    async with cutting_proxy(_SHARE_CUT, seed=18) as proxy:
        server = Server(f"sqlite:///{folder}/log.db", proxy)
        await asyncio.to_thread(server.start)
        try:
            told = await _run(proxy, server, folder, events, restarts, without)
        finally:
            await asyncio.to_thread(server.kill)
    recorded = [message(event) for event in logs.events(folder / "log.db")]
    heard = [pair.split(":") for pair in told["heard"].split(",") if pair]
    return Exchange(
        told["said"],
        [_number(event.get("message")) for event in recorded],
        [(int(position), _number(text.replace("nil", ""))) for position, text in heard],
        len(recorded),
        told,
        proxy,
    )


async def _run(
    proxy: CuttingProxy, server: Server, folder: Path, events: int, restarts: int, without: str
) -> dict[str, Any]:
    arguments = (f"http://127.0.0.1:{proxy.port}", str(folder / "lightroom"), str(events), without)
    process = await asyncio.create_subprocess_exec(
        lua(),
        "tests/lua/scenarios/exchange.lua",
        *(argument for argument in arguments if argument),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stdout is not None
    kills = [events * (number + 1) // (restarts + 1) for number in range(restarts)]
    last = ""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for line in process.stdout:
                last = line.decode()
                if kills and last.startswith("said ") and int(last.split()[1]) >= kills[0]:
                    kills.pop(0)
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
            assert await process.wait() == 0, last
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert not kills
    told: dict[str, Any] = json.loads(last)
    return told


async def test_each_event_arrives_once_and_in_order_and_is_heard_once_and_in_order(tmp_path: Path) -> None:
    done = await _exchange(tmp_path, _QUESTIONS * 2 // 3, _RESTARTS)
    asked = done.proxy.questions["/events"] + done.proxy.questions["/ws/poll"]
    assert done.logged == list(range(done.said + 1))
    assert [number for _, number in done.heard] == done.logged
    assert [position for position, _ in done.heard] == list(range(1, done.head + 1))
    assert (done.told["refused"], done.told["dialogs"]) == (0, 0)
    assert asked >= _QUESTIONS
    assert done.proxy.cut >= asked * _SHARE_CUT / 4  # by chance
    figures.show(
        "R18: the plug-in, answers cut",
        f"{asked} polls and sends, {done.proxy.cut} answers cut, {_RESTARTS} kills of the server, "
        f"0 missing, 0 duplicate of {done.head} events, order kept",
        "0 missing, 0 duplicate with 5 % cut",
    )


async def test_control_without_event_ids_events_arrive_twice(tmp_path: Path) -> None:
    done = await _exchange(tmp_path, 200, 0, "no_ids")
    assert len(done.logged) > len(set(done.logged))


async def test_control_without_its_place_the_plug_in_misses_events(tmp_path: Path) -> None:
    done = await _exchange(tmp_path, 100, 2, "no_place")
    assert done.logged == list(range(done.said + 1))
    assert {number for _, number in done.heard} < set(done.logged)
