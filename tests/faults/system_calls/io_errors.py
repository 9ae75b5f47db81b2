"""``python -m tests.faults.system_calls.io_errors FOLDER STEP TIMES [CREDULOUS]``: the same work, over and over.

Each time there are TIMES input/output errors in a row, beginning with another sync or another STEP-th write. Prints
how many errors were begun, and what was wrong afterwards, as JSON. CREDULOUS, the control: a commit that failed is
taken for done.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.builders import completed, progressed, started
from tests.faults.system_calls import credulous, faults
from tests.faults.system_calls.faults import Action, Kind
from tests.tracker.doubles import WAIT
from tracker.errors import StoreError, TrackerError
from tracker.events import Event
from tracker.feed import Delivery
from tracker.filters import EVERYTHING, EventFilter
from tracker.receipt import Receipt
from tracker.runtime import LiveFeed, Tracker
from tracker.settings import Settings
from tracker.store import open_snapshot, sqlite, write_ahead_log
from tracker.store.base import Writer
from tracker.store.sqlite import SqliteStore
from tracker.times import now

_CHECKPOINT_PAGES = 12
_LONG_BYTES = 10 * 4096  # the writer empties the write-ahead log before SQLite begins it anew by itself


@dataclass(eq=False)
class Told:
    """What a client was streamed: positions with the ids of the events."""

    filter: EventFilter = EVERYTHING
    events: list[tuple[int, str | None]] = field(default_factory=list)

    def offer(self, delivery: Delivery) -> bool:
        self.events += [(event.position, json.loads(event.text).get("event_id")) for event in delivery.events]
        return True


@dataclass
class Done:
    """``acknowledged``: positions by the ids of the events; ``refused``: the ids of the others; ``calls``: by kind."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    streamed: list[tuple[int, str | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    calls: int = 0


def _events(job_id: str) -> list[list[Event]]:
    """Those in a list are sent together."""
    steps = [progressed(job_id, step, event_id=f"{job_id}-{step}", message="x" * 300) for step in range(1, 13)]
    first, last = started(job_id, event_id=f"{job_id}-0"), completed(job_id, event_id=f"{job_id}-13")
    return [[first], [steps[0]], steps[1:8], *([step] for step in steps[8:]), [last]]


def _work(tracker: Tracker, done: Done, ended: int) -> None:
    for job_id in ("a", "b"):
        for together in _events(job_id):
            receipts = [
                (event, tracker.recorder.record(event, patient=number % 3 != 2))
                for number, event in enumerate(together)
                if tracker.recorder.unavailable is None or number % 3 != 2
            ]
            for event, receipt in receipts:
                _settle(done, event.event_id or "", receipt)
    try:
        tracker.recorder.ask(partial(_prune, ended))
    except StoreError:
        return  # the next round of retention does it


def _prune(finished_before: int, writer: Writer) -> None:
    while not writer.prune(finished_before, finished_before, 2).done:
        pass


def _end_one(tracker: Tracker) -> int:
    """A job that is pruned later, before the errors; returns when it has ended."""
    steps = [progressed("old", step, event_id=f"old-{step}") for step in range(1, 4)]
    old = [started("old", event_id="old-0"), *steps, completed("old", event_id="old-4")]
    tracker.recorder.record(*old).wait(WAIT)
    return now() + 1


def _settle(done: Done, event_id: str, receipt: Receipt) -> None:
    try:
        done.acknowledged[event_id] = receipt.wait(WAIT)
    except TimeoutError:
        done.problems.append(f"{event_id} is neither acknowledged nor refused")
    except TrackerError:
        done.refused.add(event_id)


async def _run(url: str, kind: Kind, index: int, times: int) -> Done:
    done, told = Done(), Told()
    with Tracker(Settings(database_url=url)) as tracker:
        async with LiveFeed(tracker) as live:
            live.feed.follow(told, 0)
            ended = await asyncio.to_thread(_end_one, tracker)
            faults.arm(kind, index, times, Action.FAILS)
            await asyncio.to_thread(_work, tracker, done, ended)
            done.calls = faults.count(kind)
            faults.disarm()
            last = await asyncio.to_thread(tracker.recorder.record(started("after", event_id="after")).wait, WAIT)
            async with asyncio.timeout(WAIT):
                while not told.events or told.events[-1][0] < last:
                    await asyncio.sleep(0.001)
    done.acknowledged["after"] = last
    done.streamed = told.events
    return done


def _problems(path: Path, done: Done) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        there = dict(connection.execute("SELECT event_id, position FROM events").fetchall())
        pruned = {job_id for (job_id,) in connection.execute("SELECT job_id FROM tombstones")}
    found = list(done.problems)
    if pruned - {"old"}:
        found.append(f"pruned and not due: {pruned}")
    if lost := {name: at for name, at in done.acknowledged.items() if there.get(name) != at}:
        found.append(f"acknowledged and not there: {lost}")
    if false := done.refused & there.keys():
        found.append(f"refused and there: {sorted(false)}")
    told = [(at, name or "") for at, name in done.streamed]
    if strange := [(at, name) for at, name in told if there.get(name) != at and name.partition("-")[0] not in pruned]:
        found.append(f"streamed and not there: {strange[:5]}")
    if [position for position, _ in done.streamed] != list(range(1, len(done.streamed) + 1)):
        found.append("the stream has a gap")
    with open_snapshot(f"sqlite:///{path}") as snapshot:
        found += snapshot.faults()
    return found


def main(folder: Path, step: int, times: int, is_credulous: bool) -> None:
    sqlite._WRITER_PRAGMAS += (f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",)  # type: ignore[assignment]
    write_ahead_log._LONG_BYTES = _LONG_BYTES
    if is_credulous:
        credulous.take_failures_for_done()
    empty, path = folder / "empty.db", folder / "log.db"
    SqliteStore(empty).close()
    errors, wrong = 0, list[str]()
    for kind in Kind:
        index, calls = 1, 1
        while index <= calls:
            shutil.copyfile(empty, path)
            done = asyncio.run(_run(f"sqlite:///{path}", kind, index, times))
            calls = max(calls, done.calls)
            errors += 1
            wrong += [f"{kind.name} {index}: {problem}" for problem in _problems(path, done)]
            index += step if kind is Kind.WRITE else 1
    print(json.dumps({"errors": errors, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), len(sys.argv) > 4)
