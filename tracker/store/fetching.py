"""Rows for the readers, past SQLAlchemy's handling and in one trip to the driver's thread.

A page of the log took as long to pass through SQLAlchemy's asynchronous cursor, with a trip for each of execute, fetch
and close, as SQLite took to read it. Statements are built by SQLAlchemy as all others are, and compiled once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
        self._names = expanded.positiontup  # None where the driver's parameters have names
        self._fetch = _FETCH[dialect.name]
        self._values: Mapping[str, Any] = expanded.parameters

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Sequence[Any]]:
        """The rows for these parameters; the connection is at autocommit.

        Raises:
            DBAPIError: As SQLAlchemy does.
        """
        given = {**self._values, **values}
        parameters = given if self._names is None else tuple(given[name] for name in self._names)
        raw = await connection.get_raw_connection()
        dialect = connection.dialect
        try:
            return await self._fetch(raw.driver_connection, self._text, parameters)
        except dialect.loaded_dbapi.Error as error:
            is_lost = dialect.is_disconnect(error, raw.dbapi_connection, None)
            if is_lost:
                # The server went, and with it all others that wait in the pool.
                await connection.invalidate(error)
                await connection.engine.dispose()
            base = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(
                self._text, parameters, error, base, connection_invalidated=is_lost, dialect=dialect
            ) from error


async def _fetch_sqlite(driver: Any, text: str, parameters: Any) -> Sequence[Sequence[Any]]:
    found: Sequence[Sequence[Any]] = await driver.execute_fetchall(text, parameters)
    return found


async def _fetch_postgresql(driver: Any, text: str, parameters: Any) -> Sequence[Sequence[Any]]:
    found: Sequence[Sequence[Any]] = await (await driver.execute(text, parameters)).fetchall()
    return found


_FETCH: dict[str, Callable[[Any, str, Any], Awaitable[Sequence[Sequence[Any]]]]] = {
    "sqlite": _fetch_sqlite,
    "postgresql": _fetch_postgresql,
}
