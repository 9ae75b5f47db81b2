"""The tables' version: looked at on every open, changed by Alembic only where it differs."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, text

from tracker.errors import SchemaMismatch
from tracker.projection import PROJECTION_VERSION
from tracker.statistics import STATISTICS_VERSION
from tracker.store import statements, statistics_table
from tracker.store.tables import log_head

if TYPE_CHECKING:
    from alembic.config import Config

# The newest revision under migrations/versions; a test holds the two together. Written here so that opening an
# up-to-date log does not load Alembic.
REVISION = "0004"
_KNOWN = frozenset({"0001", "0002", "0003", REVISION})


def migrations_folder() -> Path:
    """Where the migrations are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "migrations"
    is_checkout = (package.parent / "pyproject.toml").is_file() and (beside / "env.py").is_file()
    return beside if is_checkout else package / "migrations"


def current(connection: Connection) -> str | None:
    """The revision of the log's tables; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables to a revision, in the connection's transaction: whole, or not at all.

    Raises:
        SchemaMismatch: If a newer tracker made the log, or the database holds something else.
    """
    found = current(connection)
    if found == REVISION and to == "head":
        return
    # Alembic leaves its own table, empty, after a downgrade to nothing.
    if found is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise SchemaMismatch("of another program", REVISION, "Name another file for the log.")
    if found is not None and found not in _KNOWN:
        raise SchemaMismatch(found, REVISION, "A newer tracker made it: update this one.")
    _alembic(connection, to)
    if to == "head":
        _begin_log(connection)


def downgrade(connection: Connection, to: str = "base") -> None:
    """Take the tables back to a revision; ``base`` removes them and all they hold."""
    from alembic import command

    command.downgrade(_config(connection), to)


def demand_current(connection: Connection) -> None:
    """Raise :class:`SchemaMismatch` unless the tables are of this version."""
    found = current(connection)
    if found != REVISION:
        raise SchemaMismatch(found or "none", REVISION, "Run `tracker migrate` once.")


def is_older(found: str) -> bool:
    """Whether a revision is one that this version brings to its own."""
    return found in _KNOWN and found != REVISION


def projection_is_current(connection: Connection) -> bool:
    """Whether ``jobs`` was folded by this version's :func:`tracker.projection.apply`, and counted by its counters."""
    version: int = connection.execute(statements.HEAD).one().projection_version
    counted: int | None = connection.execute(statistics_table.VERSION).scalar()
    return (version, counted) == (PROJECTION_VERSION, STATISTICS_VERSION)


def _alembic(connection: Connection, to: str) -> None:
    from alembic import command

    command.upgrade(_config(connection), to)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _begin_log(connection: Connection) -> None:
    if connection.execute(statements.HEAD).first() is None:
        first = {"id": 1, "position": 0, "horizon": 0, "epoch": uuid.uuid4().hex}
        connection.execute(insert(log_head), {**first, "projection_version": PROJECTION_VERSION})
        statistics_table.begin(connection)
