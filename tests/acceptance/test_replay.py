"""Replay from outside: a run that took its time, served by a process, seen again over ``/ws`` and at a prompt."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.cli.processes import Running
from tests.api.clients import SocketClient, http_client, socket_client

_LIFE: list[tuple[float, dict[str, Any]]] = [
    (0.0, {"type": "job_started", "photo_info": {"file_name": "IMG_1.nef"}}),
    (0.3, {"type": "job_progress", "stage": "importing", "progress": 20}),
    (0.1, {"type": "job_progress", "stage": "importing", "progress": 40}),
    (0.4, {"type": "error_occurred", "error_type": "io", "error_message": "slow disk"}),
    (0.2, {"type": "stage_completed", "stage": "importing"}),
    (0.0, {"type": "job_completed"}),
]
"""What a job reports, each so many seconds after the one before."""
# Of a machine that does other things too; the error itself is measured by `make bench`.
_TOLERANCE_SECONDS = 0.15


class Served:
    """A server process, and the log it writes."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log.db"
        self.process = Running("--database", str(self.log), "serve", "--port", "0")
        self.url = self.process.line("Serving on ").split()[-1]

    async def report(self, job_id: str) -> list[dict[str, Any]]:
        """A job that takes a second; its events as they are listed."""
        async with http_client(self.url) as http:
            for pause, event in _LIFE:
                await asyncio.sleep(pause)
                assert (await http.post("/events", {**event, "job_id": job_id})).status == 200
            return list((await http.get(f"/jobs/{job_id}/events")).body["events"])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.process.close()


def seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


async def watched(client: SocketClient) -> tuple[list[dict[str, Any]], list[float]]:
    """What a replay sends, and when each came, in seconds from the first."""
    told: list[dict[str, Any]] = []
    came: list[float] = []
    while not told or told[-1]["type"] != "replay_finished":
        told.append(await client.receive())
        came.append(time.perf_counter())
    return told[:-1], [at - came[0] for at in came[:-1]]


async def test_a_run_is_seen_again_as_it_happened_and_faster(served: Served) -> None:
    recorded = await served.report("a")
    happened = [seconds(event) - seconds(recorded[0]) for event in recorded]
    async with socket_client(served.url) as client:
        for speed in (1, 4):
            begun = await client.ask({"type": "replay", "job_id": "a", "speed": speed})
            told, came = await watched(client)
            assert told == [{**event, "replay": True, "replay_id": begun["replay_id"]} for event in recorded]
            assert came == pytest.approx([at / speed for at in happened], abs=_TOLERANCE_SECONDS)


async def test_it_is_held_stepped_through_sought_and_compressed(served: Served) -> None:
    recorded = await served.report("a")
    async with socket_client(served.url) as client:
        await client.ask({"type": "replay", "job_id": "a", "paused": True})
        for event in recorded[:2]:
            assert (await client.ask({"type": "step"}))["position"] == event["position"]
            assert (await client.receive())["state"] == "paused"
        await client.ask({"type": "seek", "to": recorded[4]["timestamp"], "ref": 1})
        await client.ask({"type": "speed", "speed": 1000})
        await client.ask({"type": "resume"})
        assert [event["position"] for event in (await watched(client))[0]] == [5, 6]
        begun = time.perf_counter()
        await client.ask({"type": "replay", "since": 1, "speed": 0.1, "max_gap_seconds": 0.001})
        assert len((await watched(client))[0]) == len(recorded)
        assert time.perf_counter() - begun < 3, "at this speed it takes ten seconds with its gaps"


async def test_it_is_watched_while_a_run_goes_on_and_disturbs_neither_its_viewer_nor_the_other(served: Served) -> None:
    await served.report("a")
    async with socket_client(served.url) as client, socket_client(served.url) as other:
        await client.subscribe("jobs")
        await other.subscribe("jobs")
        await client.send({"type": "replay", "job_id": "a"})
        running = asyncio.create_task(served.report("b"))
        told = await client.until(type="replay_finished")
        while not any(message["type"] == "job_completed" and message["job_id"] == "b" for message in told):
            told.append(await client.receive())
        live = [message for message in told if message.get("job_id") == "b"]
        assert [message["position"] for message in live] == [7, 8, 9, 10, 11, 12]
        assert [message["prev"] for message in live] == [0, 7, 8, 9, 10, 11]
        assert [message["position"] for message in told if message.get("replay")] == [1, 2, 3, 4, 5, 6]
        await running
        assert [message["position"] for message in await other.collect(6)] == [7, 8, 9, 10, 11, 12]
        assert await other.is_silent(), "a replay is its viewer's alone"


async def test_the_command_shows_the_same_beside_the_server_from_the_file_and_from_the_server(served: Served) -> None:
    recorded = await served.report("a")
    for source in (["--database", str(served.log)], ["--url", served.url]):
        command = Running("replay", "a", "--speed", "20", "--json", *source)
        code, output, _ = await asyncio.to_thread(command.end)
        command.close()
        told = [json.loads(line) for line in output.splitlines()]
        assert (code, told[0]["type"], told[-1]["reason"]) == (0, "replay_started", "end")
        assert told[1:-1] == [{**event, "replay": True, "replay_id": "r1"} for event in recorded]
    command = Running("replay", "a", "--speed", "1000", "--database", str(served.log))
    code, output, said = await asyncio.to_thread(command.end)
    command.close()
    assert (code, len(output.splitlines())) == (0, len(recorded))
    assert "Replaying job a: 6 events, " in said
