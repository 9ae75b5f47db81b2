"""An open store under test, and how tests reach into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import text

from tests.builders import NOON, appends
from tracker.events import Event, RecordedEvent
from tracker.store.base import Append, Committed, EventStore, LogHead, Outcome, Pruned, Reader
from tracker.store.writer import SqlWriter

EVERY = 1000


class SqlStore(EventStore, Protocol):
    """A store on a SQL database."""

    @property
    def writer(self) -> SqlWriter: ...


class Log:
    """A store that can be closed and opened again."""

    def __init__(self, open_store: Callable[[], SqlStore]) -> None:
        self._open_store = open_store
        self.store = open_store()

    @property
    def writer(self) -> SqlWriter:
        return self.store.writer

    def reader(self) -> Reader:
        return self.store.reader()

    def reopen(self) -> None:
        self.store.close()
        self.store = self._open_store()

    def close(self) -> None:
        self.store.close()

    def append(self, *events: Event, at: int = NOON) -> Committed:
        """Each event an append of its own, a second apart, in one transaction."""
        return self.writer.append(appends(*events, at=at))

    def append_list(self, *events: Event, at: int = NOON) -> Outcome:
        """All events as one append."""
        return self.writer.append([Append(events, at)]).outcomes[0]

    def rows(self) -> list[RecordedEvent]:
        return self.writer.read(0, EVERY)

    def positions(self) -> list[int]:
        return [row.position for row in self.rows()]

    def head(self) -> LogHead:
        return self.writer.head()

    def prune(self, finished_before: int, max_events: int = EVERY) -> list[Pruned]:
        """Prune step by step until all is done."""
        steps = [self.writer.prune(finished_before, finished_before, max_events)]
        while not steps[-1].done:
            steps.append(self.writer.prune(finished_before, finished_before, max_events))
        return steps

    def execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """A statement on the store's own writing connection, committed."""
        with self.writer.transaction() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def job_rows(self) -> list[tuple[Any, ...]]:
        return self.execute("SELECT * FROM jobs ORDER BY job_id")

    def job_texts(self) -> list[tuple[Any, ...]]:
        return self.execute("SELECT rowid, text FROM job_texts ORDER BY rowid")


def positions(outcome: Outcome) -> list[int]:
    """Where the events of an append were recorded."""
    assert isinstance(outcome, tuple), outcome
    return [row.position for row in outcome]
