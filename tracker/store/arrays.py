"""Rows for PostgreSQL: as arrays, a column each, in one statement; many new ones by COPY.

A statement with arrays is the same text for any number of rows, so the server plans it once. COPY is twice as fast from
some dozen rows on, but only inserts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import Insert

from tracker.store import driver

_FEW = 16


class ArrayInsert:
    """An ``INSERT … SELECT … FROM unnest(…)`` for any number of rows, each a tuple in the order of ``columns``.

    Where it replaces rows that are there, no two of one call may have the same key.
    """

    def __init__(self, statement: Insert, columns: Sequence[str], dialect: Dialect) -> None:
        # The class of a type, without its collation, which an array has no place for.
        types = [type(statement.table.c[name].type)().compile(dialect) for name in columns]
        compiled = str(statement.compile(dialect=dialect, column_keys=list(columns)))
        _, conflict, change = compiled.partition(" ON CONFLICT ")
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        self.target = f"{statement.table.name} ({', '.join(columns)})"
        self._text = f"INSERT INTO {self.target} SELECT * FROM unnest({arrays}){conflict}{change}"

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows."""
        if rows:
            driver.execute(connection, self._text, list(map(list, zip(*rows, strict=True))))


class CopyInsert:
    """The same for rows that are all new, by COPY where they are many."""

    def __init__(self, statement: Insert, columns: Sequence[str], dialect: Dialect) -> None:
        self._few = ArrayInsert(statement, columns, dialect)
        self._text = f"COPY {self._few.target} FROM STDIN"

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows."""
        if len(rows) < _FEW:
            self._few.execute(connection, rows)
        else:
            driver.copy(connection, self._text, rows)
