"""``tracker migrate``."""

from __future__ import annotations

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path


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
        click.echo(f"The log at {log_path(url)} is current (schema {REVISION}): there is nothing to do.")
    else:
        click.echo(f"Upgraded the log at {log_path(url)} from schema {found} to {REVISION}.")


def _revision(url: str) -> str | None:
    """The schema of the log as it is; None where there is none yet, or nothing that can be read as one."""
    from pathlib import Path

    from sqlalchemy import URL, NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    from tracker.store.schema import current

    path = Path(log_path(url))
    if not path.is_file():
        return None
    # Read-only: a log whose owner is at work is not to be touched, and one that is not there is not to be made.
    query = {"mode": "ro", "uri": "true"}
    engine = create_engine(URL.create("sqlite", database=path.as_uri(), query=query), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return current(connection)
    except DBAPIError:
        # Opening the log for writing comes next, and says what is wrong.
        return None
