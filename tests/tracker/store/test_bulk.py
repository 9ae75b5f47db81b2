from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from tracker.store import statements
from tracker.store.bulk import BulkInsert
from tracker.store.rows import JOB_COLUMNS
from tracker.store.sqlite import SqliteStore
from tracker.store.tables import tombstones

COLUMNS = ("job_id", "pruned_at", "last_position", "emptied")


def rows(count: int) -> list[tuple[object, ...]]:
    return [(f"{number:05}", number, number, 1) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 511, 512, 513, 1023, 1024, 1025, 3071])
def test_any_number_of_rows_goes_in_once_and_in_order(tmp_path: Path, count: int) -> None:
    store = SqliteStore(tmp_path / "log.db")
    with store.writer.transaction() as connection:
        bulk = BulkInsert(insert(tombstones), COLUMNS, connection.dialect)
        bulk.execute(connection, rows(count))
        found = connection.execute(text("SELECT * FROM tombstones ORDER BY rowid")).all()
    assert [tuple(row) for row in found] == rows(count)
    store.close()


def test_rows_that_are_there_are_replaced_but_for_where_they_started(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log.db")
    with store.writer.transaction() as connection:
        bulk = BulkInsert(statements.upsert_jobs("sqlite"), JOB_COLUMNS, connection.dialect)
        bulk.execute(connection, [job("a", "active", 1, 1), job("b", "active", 2, 2)])
        bulk.execute(connection, [job("a", "failed", 9, 3, "7"), job("c", "active", 4, 4)])
        found = connection.execute(text("SELECT job_id, status, started_position, position, photo_id FROM jobs")).all()
    assert sorted(tuple(row) for row in found) == [
        ("a", "failed", 1, 3, "456"),
        ("b", "active", 2, 2, "456"),
        ("c", "active", 4, 4, "456"),
    ]
    store.close()


def job(job_id: str, status: str, started_position: int, position: int, photo_id: str = "456") -> tuple[object, ...]:
    """A row of ``jobs``."""
    times = (started_position, position, None, None)
    return (job_id, status, started_position, position, "importing", photo_id, *times, None, "", "{}")
