"""Many rows by few statements.

The driver gives up Python's interpreter lock at every step of a statement, and ``executemany`` steps once a row. While
callers keep the interpreter busy, each of these hand-overs can cost a whole switch interval (5 ms): measured on two
cores with two busy threads, 300 rows/s by ``executemany`` and 20,000 by one statement of 250 rows. Without
contention the one statement costs about the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import Insert

from tracker.store import driver
from tracker.store.arrays import ArrayInsert

# Halves of each other, so that few statements make up any number. The largest stays below SQLite's limit of 32,766
# bound parameters with any of our tables.
_LARGEST = 2**11
_SIZES = tuple(2**power for power in range(_LARGEST.bit_length()))


class Bulk(Protocol):
    """An insert of any number of rows."""

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows."""
        ...


def bulk_insert(statement: Insert, columns: Sequence[str], dialect: Dialect) -> Bulk:
    """An insert of rows that are tuples in the order of ``columns``, as the database does it best."""
    kind = ArrayInsert if dialect.name == "postgresql" else BulkInsert
    return kind(statement, columns, dialect)


class BulkInsert:
    """An ``INSERT … VALUES`` for any number of rows, each a tuple in the order of ``columns``."""

    def __init__(self, statement: Insert, columns: Sequence[str], dialect: Dialect) -> None:
        text = str(statement.compile(dialect=dialect, column_keys=list(columns)))
        row = f"({', '.join('?' * len(columns))})"
        before, found, after = text.partition(row)
        assert found, text  # noqa: S101  # a defect of ours, seen by every test
        self._texts = {size: f"{before}{', '.join([row] * size)}{after}" for size in _SIZES}

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows, in their order."""
        if len(rows) == 1:  # most commits of who reports alone
            driver.execute(connection, self._texts[1], rows[0])
            return
        start = 0
        while waiting := len(rows) - start:
            size = min(_LARGEST, 1 << waiting.bit_length() - 1)
            flat = tuple(chain.from_iterable(rows[start : start + size]))
            driver.execute(connection, self._texts[size], flat)
            start += size
