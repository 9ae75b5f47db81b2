"""Tokens as a table: nothing is cut, whatever the terminal's width."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from api.cli import wording
from api.cli.terminal import output, plain
from tracker.times import iso
from tracker.tokens import Token

_STYLES = {"good": "green", "expired": "yellow", "revoked": "red"}
_HEADINGS = ("Name", "Id", "Scopes", "Jobs", "Created", "State")


def print_tokens(tokens: Sequence[Token], now: int) -> None:
    """Print them, and how many are good. ``now`` in microseconds UTC; at least one token."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading == "Id")
    for token in tokens:
        table.add_row(*_cells(token, now))
    console = output()
    console.print(table)
    good = sum(token.is_good(now) for token in tokens)
    console.print(f"{wording.count(len(tokens), 'token')}: {good:,} good", style="dim")


def _cells(token: Token, now: int) -> list[Text]:
    jobs = " ".join(f"{plain(prefix)}…" for prefix in token.job_prefixes) or "all"
    texts = (plain(token.name), token.token_id, " ".join(token.scopes), jobs, _minute(token.created_at)[:10])
    return [*map(Text, texts), _standing(token, now)]


def _standing(token: Token, now: int) -> Text:
    if token.revoked_at is not None:
        return Text(f"revoked {_minute(token.revoked_at)}", "red")
    if token.expires_at is None:
        return Text("never expires", "green")
    if token.is_good(now):
        return Text(f"expires {_minute(token.expires_at)}", "green")
    return Text(f"expired {_minute(token.expires_at)}", "yellow")


def _minute(microseconds: int) -> str:
    return wording.date_and_time(iso(microseconds))[:16]
