"""Alembic's environment. Runs inside the process: the connection comes from the caller."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from tracker.store.tables import metadata


def run(connection: Connection) -> None:
    """Run the migrations in the caller's transaction: all of them, or none."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


supplied = context.config.attributes.get("connection")
if not isinstance(supplied, Connection):
    raise SystemExit("Run `tracker migrate`: it opens the database and runs these migrations.")
run(supplied)
