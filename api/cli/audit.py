"""``tracker audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.terminal import output, plain
from api.cli.writing import token_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.store.token_table import AuditEntry

_FOR_PEOPLE, _FOR_PROGRAMS, _MOST = 20, 100, 1000


@click.command(cls=Command)
@click.option(
    "--limit", type=click.IntRange(1, _MOST), metavar="N", help="How many entries: 20, with --json 100, at most 1000."
)
@json_option
@database_option
def audit(limit: int | None, as_json: bool, database: str | None) -> None:
    """Show what was done to the tracker itself, by whom.

    The newest entries, oldest first: tokens that were made and revoked. No entry is ever changed or removed.
    """
    url = load_settings(database).database_url
    size = limit or (_FOR_PROGRAMS if as_json else _FOR_PEOPLE)
    with token_table(url) as table:
        found = table.trail(size + 1)
    entries, is_more = found[-size:], len(found) > size
    if as_json:
        body = {"success": True, "entries": [_body(entry) for entry in entries]}
        echo_json({**body, "more": True} if is_more else body)
    elif entries:
        _print(entries, is_more)
    else:
        click.echo(f"Nothing in the audit trail of {log_path(url)} yet.")


def _body(entry: AuditEntry) -> dict[str, Any]:
    from tracker.times import iso

    return {
        "number": entry.number,
        "at": iso(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "subject": entry.subject,
        "details": entry.details,
    }


def _print(entries: Sequence[AuditEntry], is_more: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("When", "Who", "What", "To", "Details"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "When")
    for entry in entries:
        table.add_row(*_cells(entry))
    console = output()
    console.print(table)
    if is_more:
        console.print("There are older ones: --limit N.", style="dim")


def _cells(entry: AuditEntry) -> list[str]:
    from tracker.times import iso

    details = ", ".join(
        f"{name.replace('_', ' ')} {_shown(value)}" for name, value in entry.details.items() if value not in (None, [])
    )
    when = wording.date_and_time(iso(entry.at))
    return [when, *map(plain, (entry.actor, entry.action.replace("_", " "), entry.subject, details))]


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
