"""``python -m tests.faults.system_calls.opening FOLDER STEP [PIECES]``: a log is opened, over and over.

It is a new one, or one of an older version with jobs in it, which is migrated. Each time another sync or another
STEP-th write fails, or is the process's last. Then it is opened again, must have all it had, and take an event. Prints
how many times it was tried, and what was wrong, as JSON. PIECES, the control: a migration is not one transaction.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, product
from pathlib import Path

from tests.builders import appends, completed, progressed, started
from tests.faults.system_calls import faults
from tests.faults.system_calls.faults import Action, Kind
from tracker.errors import StoreError
from tracker.store import schema, sqlite, verifying
from tracker.store.sqlite import SqliteStore

_OLD_REVISION = "0001"
_NEVER = 10**9
_FAILED = 9  # what the opening process exits with when it raised something else than it may
_SUFFIXES = ("", "-wal", "-shm", "-journal")


def _make_old(path: Path) -> int:
    """A log of an older version; returns how many events it has."""
    store = SqliteStore(path)
    events = [event for job in ("a", "b") for event in (started(job), progressed(job, 5), progressed(job, 50))]
    store.writer.append(appends(*events, completed("a")))
    with store.writer.transaction() as connection:
        schema.downgrade(connection, _OLD_REVISION)
    store.close()
    return len(events) + 1


def _open(path: Path, kind: Kind, index: int, action: Action, counts: Path) -> int:
    """Open it in a process of its own; how that ended."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    code = _FAILED
    try:
        faults.arm(kind, index, 1, action)
        with suppress(StoreError):
            SqliteStore(path).close()
        counts.write_text(str(faults.count(kind)))
        code = 0
    finally:
        os._exit(code)


def _problems(path: Path, events: int, ended: int) -> Iterator[str]:
    if ended not in (0, -signal.SIGKILL):
        yield f"opening it ended with {ended}"
    try:
        store = SqliteStore(path)
    except Exception as error:  # noqa: BLE001  # whatever it is, it was in the way
        yield f"it cannot be opened again: {error}"
        return
    with store.writer.transaction() as connection:
        yield from verifying.faults(connection)
    if len(store.writer.read(0, 100)) != events:
        yield "events are lost"
    store.writer.append(appends(started("after")))
    store.close()


def _migrate_in_pieces() -> None:
    # Without a transaction each statement that makes a table is one of its own.
    sqlite._begin_immediate = lambda *_: None


def _copy(old: Path | None, path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    if old:
        shutil.copyfile(old, path)


def _tries(folder: Path, step: int) -> Iterator[list[str]]:
    """What was wrong after each opening that something befell."""
    old, path, counts = folder / "old.db", folder / "log.db", folder / "calls"
    made = {"new": (None, 0), "old": (old, _make_old(old))}
    for (name, (original, events)), kind in product(made.items(), Kind):
        _copy(original, path)
        _open(path, kind, _NEVER, Action.FAILS, counts)
        for action in (Action.FAILS, Action.KILLED_AFTER):
            for index in range(1, int(counts.read_text()) + 1, step if kind is Kind.WRITE else 1):
                _copy(original, path)
                ended = _open(path, kind, index, action, folder / "unread")
                fault = f"{name}, {kind.name} {index}, {action.name}"
                yield [f"{fault}: {problem}" for problem in _problems(path, events, ended)]


def main(folder: Path, step: int, in_pieces: bool) -> None:
    tries = _tries(folder, step)
    if in_pieces:
        _migrate_in_pieces()
        tries = islice(filter(None, tries), 1)  # one that is wrong is enough
    found = list(tries)
    print(json.dumps({"tried": len(found), "wrong": [problem for problems in found for problem in problems]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3)
