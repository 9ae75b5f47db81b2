"""The statements of every commit, on the driver's own connection.

SQLAlchemy takes 60 to 100 µs to pass a statement on, as much as SQLite takes for one that writes a row. Of a commit of
one event it was a quarter. What reads, and what runs now and then, goes through SQLAlchemy.

The text is the driver's: its parameters are ``?`` for SQLite and ``%s`` for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def execute(connection: Connection, text: str, parameters: Sequence[Any] = ()) -> Any:
    """Run a statement in the driver's own style of parameters; returns the driver's cursor.

    Raises:
        DBAPIError: As SQLAlchemy does.
    """
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(text, parameters)
    except connection.dialect.loaded_dbapi.Error as error:
        raise wrapped(connection, text, parameters, error) from error


def copy(connection: Connection, text: str, rows: Iterable[Sequence[Any]]) -> None:
    """Pass rows to a ``COPY … FROM STDIN`` of PostgreSQL's.

    Raises:
        DBAPIError: As SQLAlchemy does.
    """
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor().copy(text) as copying:
            for row in rows:
                copying.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise wrapped(connection, text, (), error) from error


def wrapped(connection: Connection, text: str, parameters: Sequence[Any], error: Exception) -> Exception:
    """The driver's error as SQLAlchemy raises it."""
    dialect = connection.dialect
    return DBAPIError.instance(text, parameters, error, dialect.loaded_dbapi.Error, dialect=dialect)
