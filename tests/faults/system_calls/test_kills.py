"""R1: ``kill -9`` before or after a write or a sync of chance."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from tests import figures
from tests.acceptance import logs
from tests.acceptance.server_script import SERVER
from tests.acceptance.writers import write_over_http, write_over_websocket, write_while_polling
from tests.faults.preload import compiled
from tests.faults.system_calls.faults import Action, Kind
from tests.faults.system_calls.running import HERE, ROOT, run
from tracker.store import open_store

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_KILLS = 1_000 if _LONG else 200
_OF_A_CONTROL = 25
_OF_A_SERVER = 60 if _LONG else 8
_LATEST = {Kind.WRITE: 700, Kind.SYNC: 140}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills by LD_PRELOAD")


def test_nothing_acknowledged_is_lost_when_a_reporter_is_killed(tmp_path: Path) -> None:
    found = run("killing", tmp_path, str(_KILLS))
    figures.show(
        "R1: a reporter killed at system calls",
        f"{found['kills']} kills, {found['acknowledged']} acknowledged: {len(found['wrong'])} lost or unsound",
        "0 in 200; 1,000 on demand",
    )
    assert found["wrong"] == []
    assert found["acknowledged"] > 5 * _KILLS


def test_control_who_acknowledges_before_the_commit_loses_events(tmp_path: Path) -> None:
    found = run("killing", tmp_path, str(_OF_A_CONTROL), "hasty")
    figures.show("R1: control, acknowledged before the commit", f"{len(found['wrong'])} times lost", "1 or more")
    assert any("acknowledged and lost" in problem for problem in found["wrong"])


async def _write_until_killed(port: int, cycle: int, acknowledged: set[int]) -> None:
    writers = [
        asyncio.create_task(write(port, f"job_{cycle}_{number}_{write.__name__}", acknowledged))
        for write in (write_over_http, write_over_websocket, write_while_polling)
        for number in range(2)
    ]
    for writer in writers:
        with suppress(aiohttp.ClientError, OSError, ConnectionClosed):
            await asyncio.wait_for(writer, 60)


@contextmanager
def _doomed(library: Path, path: Path, chance: random.Random) -> Iterator[int]:
    """The port of a server that will be killed."""
    kind, action = chance.choice(list(_LATEST)), chance.choice((Action.KILLED_BEFORE, Action.KILLED_AFTER))
    armed = f"{int(kind)} {chance.randint(_LATEST[kind] // 10, _LATEST[kind])} 1 {int(action)}"
    environment = {**os.environ, "LD_PRELOAD": str(library), "FAULT_ARM": armed}
    command = [sys.executable, "-c", SERVER, f"sqlite:///{path}"]
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
            assert server.wait(30) == -signal.SIGKILL
        finally:
            server.kill()


async def test_nothing_acknowledged_is_lost_when_a_server_is_killed(tmp_path: Path) -> None:
    library, path = compiled(HERE / "failing.c", tmp_path), tmp_path / "log.db"
    open_store(f"sqlite:///{path}").close()
    chance, acknowledged = random.Random(3), set[int]()
    for cycle in range(_OF_A_SERVER):
        with _doomed(library, path, chance) as port:
            await _write_until_killed(port, cycle, acknowledged)
        open_store(f"sqlite:///{path}").close()
        assert logs.faults(path, acknowledged) == []
    figures.show(
        "R1: a server killed at system calls",
        f"{_OF_A_SERVER} kills under 6 clients on 3 transports, {len(acknowledged)} acknowledged: 0 lost, 0 gaps",
        "0",
    )
    assert len(acknowledged) > 10 * _OF_A_SERVER
