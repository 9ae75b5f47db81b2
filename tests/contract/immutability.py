from __future__ import annotations

import pytest

from tests.builders import completed, progressed, started
from tests.contract.log import Log
from tracker.errors import StoreError


class Immutability:
    """The database itself refuses to rewrite history."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE events SET payload = '{}' WHERE position = 1",
            "UPDATE events SET payload = payload",
            "UPDATE events SET position = 99 WHERE position = 1",
            "UPDATE events SET recorded_at = 0",
            "DELETE FROM events",
            "DELETE FROM events WHERE position = 2",
            "UPDATE log_head SET position = position - 1",
            "UPDATE log_head SET horizon = -1",
        ],
    )
    def test_history_is_not_rewritten(self, log: Log, statement: str) -> None:
        log.append(started("a"), progressed("a"), completed("a"))
        before = (log.rows(), log.head())
        with pytest.raises(StoreError):
            log.execute(statement)
        assert (log.rows(), log.head()) == before
        log.append(started("b"))
        assert log.positions() == [1, 2, 3, 4]

    def test_the_same_statements_pass_where_they_touch_nothing(self, log: Log) -> None:
        log.append(started("a"))
        log.execute("UPDATE events SET payload = '{}' WHERE position = 2")
        log.execute("DELETE FROM events WHERE position = 2")
        log.execute("UPDATE log_head SET position = position")

    def test_a_tombstone_is_not_removed(self, log: Log) -> None:
        log.append(started("a"), completed("a"))
        log.prune(2**53)
        assert log.execute("SELECT job_id FROM tombstones") == [("a",)]
        with pytest.raises(StoreError):
            log.execute("DELETE FROM tombstones")

    def test_a_place_in_a_job_is_taken_once(self, log: Log) -> None:
        log.append(started("a"))
        with pytest.raises(StoreError):
            log.execute("INSERT INTO events SELECT 2, job_id, 1, type, 0, NULL, payload FROM events")
        with pytest.raises(StoreError):
            log.execute("INSERT INTO events SELECT 1, 'b', 1, type, 0, NULL, payload FROM events")
        assert log.positions() == [1]
