"""``python -m tests.faults.system_calls.pruning FOLDER KILLS [GREEDY]``: a process that prunes, killed again and again.

Each cycle is a process of its own, forked from this one: it begins three jobs, ends one and prunes all that have ended,
until it is killed at a write or a sync of chance. Then the log is opened and verified, and each job that was not ended
is looked for with all its events. Prints what was counted as JSON. GREEDY, the control: jobs that have not ended are
due too.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from tests.builders import completed, progressed, started
from tests.faults.system_calls import faults
from tests.faults.system_calls.faults import Action, Kind
from tests.tracker.doubles import WAIT
from tracker.recorder import Recorder
from tracker.retention import Retention, RetentionPolicy
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import sqlite, statements, verifying
from tracker.store.sqlite import SqliteStore
from tracker.times import now

_CYCLES_A_LOG = 25
_REPORTS = 120  # on each job
_CHECKPOINT_PAGES = 25
_LATEST = {Kind.WRITE: 60, Kind.SYNC: 12}


def _live(path: Path, cycle: int, chance: random.Random) -> None:
    """The process that is killed, while it prunes."""
    with Tracker(Settings(database_url=f"sqlite:///{path}")) as tracker:
        _report(tracker.recorder, cycle)
        kind = chance.choice((Kind.WRITE, Kind.SYNC))
        action = chance.choice((Action.KILLED_BEFORE, Action.KILLED_AFTER))
        faults.arm(kind, chance.randint(1, _LATEST[kind]), 1, action)
        Retention(tracker.recorder, RetentionPolicy(keep_for_seconds=0), 3600).prune_once(now() + 1)


def _report(recorder: Recorder, cycle: int) -> None:
    for name in ("ended", "active-1", "active-2"):
        job_id = f"{name}-{cycle}"
        reports = [progressed(job_id, step % 100, message="x" * 200) for step in range(_REPORTS)]
        recorder.record(started(job_id), *reports).wait(WAIT)
    recorder.record(completed(f"ended-{cycle}")).wait(WAIT)


def _was_killed(path: Path, cycle: int) -> bool:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _live(path, cycle, random.Random(cycle))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process of cycle {cycle} failed by itself: {code}")
    return code != 0


def _problems(path: Path, cycles: range) -> Iterator[str]:
    store = SqliteStore(path)
    with store.writer.transaction() as connection:
        yield from verifying.faults(connection)
        counted = connection.execute(text("SELECT job_id, count(*) FROM events GROUP BY job_id"))
        there = {row[0]: row[1] for row in counted}
    store.close()
    for cycle in cycles:
        for name in (f"active-1-{cycle}", f"active-2-{cycle}"):
            if there.get(name) != _REPORTS + 1:
                yield f"{name} has not ended, and has {there.get(name, 0)} of its events"


def main(folder: Path, kills: int, is_greedy: bool) -> None:
    sqlite._WRITER_PRAGMAS += (f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",)  # type: ignore[assignment]
    if is_greedy:
        statements.DUE = statements.ACTIVE_STATES.limit(100)
    killed, cycle, wrong = 0, 0, list[str]()
    while killed < kills and not (is_greedy and wrong):
        first = cycle - cycle % _CYCLES_A_LOG
        path = folder / str(first) / "log.db"
        path.parent.mkdir(exist_ok=True)
        killed += _was_killed(path, cycle)
        cycle += 1
        wrong += [f"cycle {cycle}: {problem}" for problem in _problems(path, range(first, cycle))]
    print(json.dumps({"kills": killed, "cycles": cycle, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3)
