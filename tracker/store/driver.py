"""The statements of every commit, on the driver's own connection.

SQLAlchemy takes 60 to 100 µs to pass a statement on, as much as SQLite takes for one that writes a row. Of a commit of
one event it was a quarter. What reads, and what runs now and then, goes through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def execute(connection: Connection, text: str, parameters: Sequence[Any] = ()) -> Any:
    """Run a statement in the driver's own style of parameters; returns the driver's cursor.

    Raises:
        DBAPIError: As SQLAlchemy does.
    """
    dialect = connection.dialect
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(text, parameters)
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(text, parameters, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
