"""S4: clients that take their time, with their headers, their bodies, or what they are answered, are ended in time."""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from api import serving, sockets
from api.slow_peers import SlowPeers
from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, http_client
from tests.security import slow
from tests.security.logs import logged
from tests.security.slow import End, Slow
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_DEFAULTS = Settings()
_BODY_SECONDS = _DEFAULTS.body_timeout_seconds if _LONG else 1
_SEND_SECONDS = _DEFAULTS.send_timeout_seconds if _LONG else 1
_KEEPALIVE_SECONDS = serving.KEEPALIVE_SECONDS if _LONG else 2
_GIVE_UP_SECONDS = sockets._GIVE_UP_SECONDS if _LONG else 2
_REACH_SECONDS = 30 if _LONG else 10
_COPIES = 20 if _LONG else 3
# Fewer, as each has the server make as much as it will hold for it, all at once.
_READERS = 6 if _LONG else 3
_CONNECTIONS = 500 if _LONG else 100
# A page, and a stream, of more than the system itself holds for a client.
_EVENTS, _EVENT_BYTES = 1000, 6000
_JOB = "job"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        body_timeout_seconds=_BODY_SECONDS,
        send_timeout_seconds=_SEND_SECONDS,
        requests_per_second=10**6,
    )


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "KEEPALIVE_SECONDS", _KEEPALIVE_SECONDS)
    monkeypatch.setattr(sockets, "_GIVE_UP_SECONDS", _GIVE_UP_SECONDS)


@pytest.fixture
def port(served: ProgressReporter, server: WebSocketServer) -> int:
    """A server with a page to read."""
    _fill(served)
    return server.port


def _fill(reporter: ProgressReporter) -> None:
    reporter.start_job(_JOB)
    for _ in range(_EVENTS):
        reporter.update_progress(_JOB, "importing", 50, "x" * _EVENT_BYTES)
    reporter.flush()


class Others:
    """One who works with the server meanwhile; how long it waited for each answer."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    @asynccontextmanager
    async def working(self, url: str) -> AsyncIterator[None]:
        over = asyncio.Event()
        async with http_client(url, keeps_connections=False) as http, asyncio.TaskGroup() as group:
            group.create_task(self._work(http, over))
            yield
            over.set()

    async def _work(self, http: HttpClient, over: asyncio.Event) -> None:
        report = {"job_id": _JOB, "stage": "importing", "progress": 50}
        while not over.is_set():
            begun = time.monotonic()
            assert (await http.post("/progress/report", report)).status == 200
            assert (await http.get("/healthz")).status == 200
            self.waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.02)

    def __str__(self) -> str:
        median, longest = statistics.median(self.waits), max(self.waits)
        return f"others had {len(self.waits)} answers meanwhile, median {median * 1000:.0f} ms, longest {longest:.2f} s"


async def _ends(clients: Iterable[Slow], port: int, many: int = _COPIES) -> dict[str, list[End]]:
    """How each of the clients ended, several of each at once."""
    async with asyncio.timeout(2 * _REACH_SECONDS), asyncio.TaskGroup() as group:
        tasks = {client.__name__: [group.create_task(client(port)) for _ in range(many)] for client in clients}
    return {name: [task.result() for task in copies] for name, copies in tasks.items()}


def _longest(ends: dict[str, list[End]]) -> float:
    return max(end.seconds for copies in ends.values() for end in copies)


def _shortest(ends: dict[str, list[End]]) -> float:
    return min(end.seconds for copies in ends.values() for end in copies)


def _said(what: str, ends: dict[str, list[End]], others: Others) -> None:
    count = sum(map(len, ends.values()))
    print(f"S4: {count} {what} of {len(ends)} kinds ended after at most {_longest(ends):.1f} s (reach: 30 s); {others}")
    for name, copies in ends.items():
        print(f"    {name}: {min(end.seconds for end in copies):.1f} to {max(end.seconds for end in copies):.1f} s")


async def test_slow_headers(port: int, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    others = Others()
    async with others.working(server.url):
        ends = await _ends(slow.HEADERS, port)
    _said("slow headers", ends, others)
    assert _KEEPALIVE_SECONDS - 0.5 <= _shortest(ends) <= _longest(ends) <= _REACH_SECONDS
    assert logged(caplog) == []


async def test_slow_bodies(port: int, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    others = Others()
    async with others.working(server.url):
        ends = await _ends(slow.BODIES, port)
    _said("slow bodies", ends, others)
    assert _BODY_SECONDS - 0.5 <= _shortest(ends) <= _longest(ends) <= _REACH_SECONDS
    for name, copies in ends.items():
        for end in copies:
            assert end.heard.startswith(b"HTTP/1.1 408 "), name
            assert b'"success":false' in end.heard, name
            assert b'"code":"request_timeout"' in end.heard, name
            assert b"\r\nConnection: close\r\n" in end.heard, name
    assert logged(caplog) == []


async def test_slow_bodies_that_nobody_waits_for(port: int, server: WebSocketServer) -> None:
    """Ended after aiohttp's own ten seconds, in the short form too."""
    others = Others()
    async with others.working(server.url):
        ends = await _ends(slow.UNWANTED_BODIES, port)
    _said("slow bodies that nobody reads", ends, others)
    assert _longest(ends) <= 30


async def test_slow_reads(port: int, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    others = Others()
    async with others.working(server.url):
        ends = await _ends(slow.READS, port, _READERS)
    _said("slow reads", ends, others)
    assert _SEND_SECONDS - 0.5 <= _shortest(ends) <= _longest(ends) <= _REACH_SECONDS
    assert logged(caplog) == []
    async with http_client(server.url) as http, asyncio.timeout(_REACH_SECONDS):
        while (await http.get("/ws/status")).body["connected_clients"]:
            await asyncio.sleep(0.05)


def _without_keepalive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "KEEPALIVE_SECONDS", 3600)


def _without_a_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SlowPeers, "attach", lambda *_: None)


_CONTROLS = {
    "headers": (_without_keepalive, slow.dripping_headers),
    "reads": (_without_a_watch, slow.many_pages_that_are_not_read),
}


@pytest.mark.parametrize("control", _CONTROLS)
async def test_control_without_its_protection_a_slow_client_stays(
    control: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    take_away, client = _CONTROLS[control]
    take_away(monkeypatch)
    await _stays(client, settings)


async def test_control_a_body_may_take_as_long_as_the_setting_says(database_url: str) -> None:
    await _stays(slow.BODIES[1], Settings(database_url=database_url, body_timeout_seconds=3600))


async def _stays(client: Slow, settings: Settings) -> None:
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings) as reporter:
        _fill(reporter)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5 * max(_KEEPALIVE_SECONDS, _BODY_SECONDS, _SEND_SECONDS)):
                await client(server.port)


# The usual tool for this, and what it calls them. Its slow readers read 1 KiB a second.
_TOOL = shutil.which("slowhttptest")
_ATTACKS = {
    "slow headers": ("/healthz", ["-H", "-i", "1"]),
    "slow bodies": ("/events", ["-B", "-i", "1", "-t", "POST", "-f", "application/json"]),
    "slow reads": ("/events?limit=1000", ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "1024"]),
}


@pytest.mark.skipif(_TOOL is None, reason="slowhttptest is not installed")
@pytest.mark.parametrize("attack", _ATTACKS)
async def test_the_usual_tool_for_slow_attacks_is_left_without_connections(
    attack: str, port: int, server: WebSocketServer, tmp_path: Path
) -> None:
    path, options = _ATTACKS[attack]
    # Each reader has the server make a large page first, all of them at once.
    count = str(_CONNECTIONS // 10 if attack == "slow reads" else _CONNECTIONS)
    times = ["-c", count, "-r", count, "-l", str(4 * _REACH_SECONDS), "-p", "5", "-g", "-o", str(tmp_path / "report")]
    others = Others()
    async with others.working(server.url):
        command = [str(_TOOL), *options, *times, "-u", server.url + path]
        run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=250, check=False)
    assert "No open connections left" in run.stdout, run.stdout
    rows = list(_rows(tmp_path / "report.csv"))
    assert all(row["Service Available"] > 0 for row in rows), rows
    lasted = rows[-1]["Seconds"]
    print(f"S4: slowhttptest, {count} x {attack}: none was left after {lasted} s (reach: 30 s); {others}")
    assert lasted <= _REACH_SECONDS


def _rows(report: Path) -> Iterator[dict[str, int]]:
    with report.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield {name: int(value) for name, value in row.items()}
