"""``tracker migrate``."""

from __future__ import annotations

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.reading import demand_log


@click.command(cls=Command, short_help="Bring the log's tables to this version.")
@json_option
@database_option
def migrate(as_json: bool, database: str | None) -> None:
    """Bring the log's tables to this version; makes the log where there is none.

    Needed by hand only before reading an old log: whatever opens a log for writing does the same.
    """
    from tracker.store import open_store
    from tracker.store.schema import REVISION

    url = load_settings(database).database_url
    found = _revision(url)
    open_store(url).close()
    if as_json:
        echo_json({"success": True, "found": found, "schema": REVISION})
    elif found is None:
        click.echo(f"Created the log at {log_path(url)} (schema {REVISION}).")
    elif found == REVISION:
        click.echo(f"The log at {log_path(url)} is current (schema {REVISION}).")
    else:
        click.echo(f"Upgraded the log at {log_path(url)} from schema {found} to {REVISION}.")


def _revision(url: str) -> str | None:
    """The schema of the log as it is; None where there is none yet, or nothing that can be read as one."""
    from sqlalchemy import URL, NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    from tracker.errors import StoreError
    from tracker.store.schema import current

    try:
        demand_log(url)
        with create_engine(URL.create("sqlite", database=log_path(url)), poolclass=NullPool).connect() as connection:
            return current(connection)
    except (StoreError, DBAPIError):
        # Opening the log for writing comes next, and says what is wrong.
        return None
