"""Rows for the readers, past SQLAlchemy's handling and in one trip to the driver's thread.

A page of the log took as long to pass through SQLAlchemy's asynchronous cursor, with a trip for each of execute, fetch
and close, as SQLite took to read it. Statements are built by SQLAlchemy as all others are, and compiled once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection


class Fetch:
    """A statement in the driver's own words."""

    def __init__(self, statement: Select[Any], dialect: Dialect, *names: str) -> None:
        """``names``: of the parameters that :meth:`rows` gives values."""
        # A list of values becomes as many parameters here and now, for which all others need some value.
        whole = statement.params(dict.fromkeys(names, 0))
        expanded = whole.compile(dialect=dialect).construct_expanded_state()
        self._text = expanded.statement
        self._names = expanded.positiontup or ()
        self._values: Mapping[str, Any] = expanded.parameters

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Sequence[Any]]:
        """The rows for these parameters; the connection is at autocommit.

        Raises:
            DBAPIError: As SQLAlchemy does.
        """
        given = {**self._values, **values}
        parameters = tuple(given[name] for name in self._names)
        driver: Any = (await connection.get_raw_connection()).driver_connection
        dialect = connection.dialect
        try:
            found: Sequence[Sequence[Any]] = await driver.execute_fetchall(self._text, parameters)
        except dialect.loaded_dbapi.Error as error:
            base = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self._text, parameters, error, base, dialect=dialect) from error
        return found
