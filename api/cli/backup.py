"""``tracker backup``."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings


@click.command(cls=Command, short_help="Copy the log to a file, also while it is written.")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@database_option
def backup(file: Path, as_json: bool, database: str | None) -> None:
    """Copy the log, as it is now, to a new FILE: a log like any other, which every command reads.

    Works beside a server, and nobody waits for it. The copy is proven as `tracker verify` does before it gets its name.
    To go back to it: stop the server, put the file where the log was, without the -wal and -shm of the old one, and
    start the server again. Clients are told that this is another log, and begin anew.
    """
    from tracker.store import back_up

    head = back_up(load_settings(database).database_url, file)
    size = file.stat().st_size
    if as_json:
        echo_json({"success": True, "file": str(file), "bytes": size, "position": head.position, "epoch": head.epoch})
    else:
        click.echo(f"Backed up the log to {file} ({size:,} bytes), up to position {head.position:,}. It is sound.")
