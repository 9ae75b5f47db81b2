"""What must be true of a log that a crash left, opened as a user would."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text

from tests.faults.power_loss.crashes import State
from tracker.errors import TrackerError
from tracker.store import sqlite, verifying
from tracker.store.same_file import SameFile
from tracker.store.sqlite import SqliteStore

_EVENTS = text("SELECT position, job_id FROM events")


def keep_engines() -> None:
    """In a process that looks at states at one path, one after the other: their statements are built only once."""
    sqlite.writing_engine = functools.cache(sqlite.writing_engine)
    # And each state is another file.
    SameFile.demand = lambda _: None  # type: ignore[method-assign,assignment]


def faults_of(folder: Path, state: State, name: str = "log.db") -> Iterator[str]:
    """What is wrong with the log of a state: anything that ``tracker verify`` says, or an event that is lost."""
    try:
        store = SqliteStore(folder / name)
    except TrackerError as error:
        yield f"cannot be opened: {error}"
        return
    try:
        with store.writer.transaction() as connection:
            yield from verifying.faults(connection)
            yield from _lost(connection, state)
    except TrackerError as error:
        yield f"cannot be read: {error}"
    finally:
        store.close()


def _lost(connection: Connection, state: State) -> Iterator[str]:
    there: dict[int, str] = dict(connection.execute(_EVENTS).tuples().all())
    # The events of a pruned job are gone by right.
    pruned = set(connection.execute(text("SELECT job_id FROM tombstones")).scalars())
    lost = [
        position
        for position, job_id in state.promised.items()
        if there.get(position) != job_id and job_id not in pruned
    ]
    if lost:
        yield f"acknowledged and lost: {sorted(lost)[:5]}"
