"""Clients that are gone without a word are found, and their descriptors given back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from tests import figures
from tests.benchmarks import processes

_CLIENTS = 50
_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_PING_SECONDS = 25 if _LONG else 2
_REAPED_WITHIN_SECONDS = 40 if _LONG else 6


def _clients(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ws/status", timeout=10) as answer:
        return len(json.load(answer)["clients"])


async def test_stopped_clients_are_reaped_and_their_descriptors_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_PING_INTERVAL_SECONDS", str(_PING_SECONDS))
    with processes.server(tmp_path) as (server, port):
        # Others first, who do say goodbye: the server then holds whatever it keeps for good.
        with processes.crowd(port, _CLIENTS, "jobs"):
            assert _clients(port) == _CLIENTS
        while await asyncio.to_thread(_clients, port):
            await asyncio.sleep(0.1)
        baseline = server.ask("sockets")
        with processes.crowd(port, _CLIENTS, "jobs") as crowd:
            assert _clients(port) == _CLIENTS
            os.kill(crowd.pid, signal.SIGSTOP)
            begun = time.monotonic()
            while await asyncio.to_thread(_clients, port) and time.monotonic() - begun < _REAPED_WITHIN_SECONDS:
                await asyncio.sleep(0.1)
            reaped_after = time.monotonic() - begun
            left = await asyncio.to_thread(_clients, port)
            assert left == 0
            # The server closes its end by itself: the stopped process still holds the other.
            while server.ask("sockets") > baseline and time.monotonic() - begun < _REAPED_WITHIN_SECONDS + 5:
                await asyncio.sleep(0.1)
            assert server.ask("sockets") <= baseline
    figures.show(
        "R17: half-open connections",
        f"{_CLIENTS} reaped within {reaped_after:.1f} s at a ping every {_PING_SECONDS} s",
        "40 s at a ping every 25 s; descriptors back",
    )


async def test_control_clients_that_answer_pings_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_PING_INTERVAL_SECONDS", "0.5")
    with processes.server(tmp_path) as (_, port), processes.crowd(port, 3, "jobs"):
        for _ in range(30):
            await asyncio.sleep(0.1)
            assert await asyncio.to_thread(_clients, port) == 3
