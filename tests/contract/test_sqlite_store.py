from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.builders import completed, started
from tests.contract.append_rules import AppendRules
from tests.contract.counting import Counting
from tests.contract.idempotency import Idempotency
from tests.contract.immutability import Immutability
from tests.contract.log import Log
from tests.contract.pruning import Pruning
from tests.contract.querying import Querying
from tests.contract.reading import Reading
from tests.contract.rebuilding import Rebuilding
from tracker.errors import StoreError
from tracker.store.base import Reader
from tracker.store.sqlite import SqliteStore


class StoreContract(AppendRules, Counting, Idempotency, Immutability, Pruning, Querying, Reading, Rebuilding):
    """All of it."""

    @pytest.fixture
    async def reader(self, log: Log) -> AsyncIterator[Reader]:
        reader = log.reader()
        yield reader
        await reader.close()


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[Log]:
        log = Log(lambda: SqliteStore(tmp_path / "log.db"))
        yield log
        log.close()

    @pytest.mark.parametrize("conflict", ["position", "job_id, sequence", "event_id"])
    def test_insert_or_replace_does_not_get_around_the_triggers(self, log: Log, conflict: str) -> None:
        # SQLite removes the row that is in the way without a DELETE, unless triggers are recursive.
        log.append(started("a", event_id="e1"), completed("a"))
        values = {
            "position": "1, 'other', 9, type, 0, NULL",
            "job_id, sequence": "9, 'a', 1, type, 0, NULL",
            "event_id": "9, 'other', 9, type, 0, 'e1'",
        }[conflict]
        before = log.rows()
        for verb in ("INSERT OR REPLACE", "REPLACE"):
            with pytest.raises(StoreError, match="only events of a pruned job are deleted"):
                log.execute(f"{verb} INTO events SELECT {values}, payload FROM events WHERE position = 1")
        with pytest.raises(StoreError, match="an event is never changed"):
            log.execute("UPDATE OR REPLACE events SET position = 1 WHERE position = 2")
        assert log.rows() == before

    def test_a_tombstone_is_not_replaced(self, log: Log) -> None:
        log.append(started("a"), completed("a"))
        log.prune(2**53)
        with pytest.raises(StoreError, match="never free again"):
            log.execute("REPLACE INTO tombstones SELECT job_id, 0, 0, 0 FROM tombstones")
