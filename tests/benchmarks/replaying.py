"""P20: how far from its time an event of a replay reaches a client."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path

from websockets.asyncio.client import connect

from tests.benchmarks import processes
from tests.benchmarks.figure import Figure
from tracker.events import AnyFact, Event, JobStarted, ProgressUpdated
from tracker.store import open_store
from tracker.store.base import Append
from tracker.times import MICROSECONDS, now

_EVENTS = 400
_MEAN_GAP_SECONDS = 0.02  # as a viewer sees it; bursts and pauses, as jobs have them
_JOB = "replayed"


def _write(folder: Path, gaps: list[float]) -> None:
    """A log of one job with these gaps, in seconds, of which the last event was just now."""
    store = open_store(f"sqlite:///{folder}/log.db")
    begun = now() - round(sum(gaps) * MICROSECONDS)
    facts: list[AnyFact] = [JobStarted(photo_id=1), *(ProgressUpdated(stage="importing", progress=50.0) for _ in gaps)]
    for fact, after in zip(facts, accumulate(gaps, initial=0.0), strict=True):
        store.writer.append([Append((Event.of(_JOB, fact),), begun + round(after * MICROSECONDS))])
    store.close()


async def _arrivals(port: int, speed: float) -> list[float]:
    async with connect(f"ws://127.0.0.1:{port}/ws", compression=None) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "replay", "job_id": _JOB, "speed": speed}))
        arrived: list[float] = []
        async for text in socket:
            at = time.perf_counter()
            match json.loads(text):
                case {"replay": True}:
                    arrived.append(at)
                case {"type": "replay_finished"}:
                    return arrived
    raise RuntimeError("The replay did not finish.")


def timing_error(speed: float, folder: Path) -> float:
    """Milliseconds that an event came later than the log says, beside the one that came soonest: 99th percentile."""
    source = random.Random(speed)
    shown = [source.expovariate(1 / _MEAN_GAP_SECONDS) for _ in range(_EVENTS)]
    _write(folder, [gap * speed for gap in shown])
    with processes.server(folder) as (_, port):
        arrived = asyncio.run(_arrivals(port, speed))
    # What every event needs on its way is no error.
    lags = sorted(at - due for at, due in zip(arrived, accumulate(shown, initial=0.0), strict=True))
    return 1000 * (lags[int(len(lags) * 0.99)] - lags[0])


def _figure(name: str, speed: float) -> Figure:
    ours: Callable[[Path], float] = partial(timing_error, speed)
    return Figure(
        name=name,
        what=f"timing error of a replay at speed {speed:g} over a WebSocket, 99th percentile",
        yardstick="none: milliseconds",
        unit="ms",
        ours=ours,
        theirs=None,
        reach=20,
        bound="at most",
        rounds=3,
    )


FIGURES = [_figure("P20", 1), _figure("P20b", 0.1), _figure("P20c", 10), _figure("P20d", 1000)]
