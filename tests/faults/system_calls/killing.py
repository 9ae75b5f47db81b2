"""``python -m tests.faults.system_calls.killing FOLDER KILLS [HASTY]``: a reporter, killed again and again.

Each cycle is a process of its own, forked from this one, that reports from three threads until it is killed at a write
or a sync of chance. What was acknowledged comes through a pipe, so it outlives the kill. Then the log is opened,
verified, and asked for that; the next cycle goes on with it. Prints what was counted as JSON. HASTY, the control: what
is written is acknowledged before it is committed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, text

from tests.faults.system_calls import faults
from tests.faults.system_calls.faults import Action, Kind
from tests.tracker.doubles import WAIT
from tracker.progress_reporter import ProgressReporter
from tracker.projection import Job
from tracker.receipt import Receipt
from tracker.store import sqlite, verifying
from tracker.store.draft import Draft
from tracker.store.sqlite import SqliteStore
from tracker.store.writer import SqlWriter

_CYCLES_A_LOG = 20
_THREADS = 3
_REPORTS = 8
_CHECKPOINT_PAGES = 25
_LATEST = {Kind.WRITE: 200, Kind.SYNC: 40}  # of about as many calls that a cycle makes
_POSITION = struct.Struct("=q")
_write = SqlWriter._write


def _tell(pipe: int, receipt: Receipt) -> None:
    os.write(pipe, _POSITION.pack(receipt.result()[-1].position))


def _report(reporter: ProgressReporter, job_id: str, pipe: int | None) -> None:
    def told(receipt: Receipt) -> Receipt:
        if pipe is not None:
            receipt.add_done_callback(partial(_tell, pipe, receipt))
        return receipt

    told(reporter.start_job(job_id))
    for number in range(_REPORTS):
        receipt = told(reporter.update_progress(job_id, "importing", number, "x" * (61 * number)))
        if number % 2:
            receipt.wait(WAIT)
    told(reporter.complete_job(job_id)).wait(WAIT)


def _live(path: Path, cycle: int, pipe: int, chance: random.Random, is_hasty: bool) -> None:
    """The process that is killed."""
    kind = chance.choice((Kind.WRITE, Kind.SYNC))
    action = chance.choice((Action.KILLED_BEFORE, Action.KILLED_AFTER))
    faults.arm(kind, chance.randint(1, _LATEST[kind]), 1, action)
    with ProgressReporter(database_url=f"sqlite:///{path}") as reporter:
        if is_hasty:
            writer = cast(SqlWriter, reporter.tracker.store.writer)
            writer._write = partial(_hasty, pipe, writer)  # type: ignore[method-assign]
        names = [f"job-{cycle}-{thread}" for thread in range(_THREADS)]
        works = [partial(_report, reporter, name, None if is_hasty else pipe) for name in names]
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _hasty(pipe: int, writer: SqlWriter, connection: Connection, draft: Draft) -> tuple[int | None, dict[str, Job]]:
    written = _write(writer, connection, draft)
    for event in draft.recorded:
        os.write(pipe, _POSITION.pack(event.position))
    return written


def _cycle(path: Path, cycle: int, seed: int, is_hasty: bool) -> tuple[bool, set[int]]:
    """Whether it was killed, and what had been acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            _live(path, cycle, writing, random.Random(seed), is_hasty)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the reporter of cycle {cycle} failed by itself: {code}")
    return code != 0, {position for (position,) in _POSITION.iter_unpack(said)}


def _problems(path: Path, acknowledged: set[int]) -> Iterator[str]:
    store = SqliteStore(path)
    with store.writer.transaction() as connection:
        yield from verifying.faults(connection)
        there = set(connection.execute(text("SELECT position FROM events")).scalars())
    store.close()
    if lost := sorted(acknowledged - there):
        yield f"acknowledged and lost: {lost[:5]}"


def main(folder: Path, kills: int, is_hasty: bool) -> None:
    sqlite._WRITER_PRAGMAS += (f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",)  # type: ignore[assignment]
    counted, wrong, acknowledged = Counter[str](), list[str](), set[int]()
    cycle = -1
    while counted["kills"] < kills:
        cycle += 1
        path = folder / str(cycle // _CYCLES_A_LOG) / "log.db"
        if cycle % _CYCLES_A_LOG == 0:
            path.parent.mkdir()
            acknowledged.clear()
        was_killed, more = _cycle(path, cycle, cycle, is_hasty)
        acknowledged |= more
        counted["kills"] += was_killed
        counted["acknowledged"] += len(more)
        found = list(_problems(path, acknowledged))
        wrong += [f"cycle {cycle}: {problem}" for problem in found]
        if found:
            acknowledged.clear()
    print(json.dumps({**counted, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3)
