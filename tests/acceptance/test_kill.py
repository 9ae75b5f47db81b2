"""``kill -9`` under load: whatever was acknowledged is there, without a gap, and the jobs are what the events say."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
from websockets.exceptions import ConnectionClosed

from tests import figures
from tests.acceptance import logs
from tests.acceptance.server_script import SERVER
from tests.acceptance.writers import write_over_http, write_over_websocket
from tracker.store import open_store

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_CYCLES = 40 if _LONG else 6
_ROOT = Path(__file__).resolve().parents[2]
_EMBEDDED = """
import sys
from tracker.progress_reporter import ProgressReporter
reporter = ProgressReporter(database_url=sys.argv[1])
cycle = sys.argv[2]
print(reporter.start_job(f"embedded_{cycle}").wait(), flush=True)
while True:
    receipts = [reporter.update_progress(f"embedded_{cycle}", "importing", 5) for _ in range(20)]
    print(*[receipt.wait() for receipt in receipts], flush=True)
"""


@contextmanager
def _process(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


async def _until_killed(process: subprocess.Popen[str], port: int, cycle: int, acknowledged: set[int], at: int) -> None:
    """Write from six clients until so many more events are acknowledged, then kill."""
    enough = len(acknowledged) + at
    writers = [
        asyncio.create_task(write(port, f"job_{cycle}_{number}_{write.__name__}", acknowledged))
        for write in (write_over_http, write_over_websocket)
        for number in range(3)
    ]
    async with asyncio.timeout(60):
        while len(acknowledged) < enough:
            await asyncio.sleep(0.001)
    process.kill()
    for writer in writers:
        with suppress(aiohttp.ClientError, OSError, ConnectionClosed):
            await writer


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load(tmp_path: Path) -> None:
    path, acknowledged, chance = tmp_path / "log.db", set[int](), random.Random(1)
    for cycle in range(_CYCLES):
        with _process(SERVER, f"sqlite:///{path}") as process:
            port = int(_line(process))
            await _until_killed(process, port, cycle, acknowledged, chance.randint(50, 1500))
        open_store(f"sqlite:///{path}").close()
        assert logs.faults(path, acknowledged) == []
    recorded = len(logs.events(path))
    figures.show(
        "R1: the server killed under load",
        f"{_CYCLES} kills, {len(acknowledged)} acknowledged of {recorded} recorded, 0 lost, 0 gaps",
        "0 lost, 0 gaps",
    )
    assert recorded >= len(acknowledged) > 50 * _CYCLES


def test_nothing_acknowledged_is_lost_when_an_embedded_reporter_is_killed(tmp_path: Path) -> None:
    path, acknowledged, chance = tmp_path / "log.db", set[int](), random.Random(2)
    for cycle in range(_CYCLES):
        with _process(_EMBEDDED, f"sqlite:///{path}", str(cycle)) as process:
            for _ in range(chance.randint(1, 40)):
                acknowledged |= {int(position) for position in _line(process).split()}
            process.kill()
            # What was printed before the kill was acknowledged too; a last line may have been cut.
            assert process.stdout is not None
            whole = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
            acknowledged |= {int(position) for line in whole for position in line.split()}
        open_store(f"sqlite:///{path}").close()
        assert logs.faults(path, acknowledged) == []
    assert len(acknowledged) > 20 * _CYCLES


def test_control_a_log_that_lost_an_acknowledged_event_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with _process(_EMBEDDED, f"sqlite:///{path}", "0") as process:
        acknowledged = {int(position) for _ in range(5) for position in _line(process).split()}
    open_store(f"sqlite:///{path}").close()
    assert logs.faults(path, acknowledged) == []

    lossy = tmp_path / "lossy.db"
    shutil.copy(path, lossy)
    connection = sqlite3.connect(lossy)
    connection.execute("DROP TRIGGER events_are_only_pruned")
    connection.execute("DELETE FROM events WHERE position = 10")
    connection.commit()
    connection.close()
    found = logs.faults(lossy, acknowledged)
    assert found == ["acknowledged and gone: [10]", "positions have a gap", "jobs is not the fold of the events"]
