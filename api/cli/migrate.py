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

    Needed by hand before reading an old file: whatever opens a file for writing does the same. A PostgreSQL database
    that other nodes work with is changed by this command alone: stop them first.
    """
    from tracker.store import open_store, revision
    from tracker.store.schema import REVISION

    url = load_settings(database).database_url
    found = revision(url)
    open_store(url, migrate=True).close()
    if as_json:
        echo_json({"success": True, "found": found, "schema": REVISION})
    elif found is None:
        click.echo(f"Created the log at {log_path(url)} (schema {REVISION}).")
    elif found == REVISION:
        click.echo(f"The log at {log_path(url)} is current (schema {REVISION}): there is nothing to do.")
    else:
        click.echo(f"Upgraded the log at {log_path(url)} from schema {found} to {REVISION}.")
