"""``tracker token``: who may use a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.writing import actor, token_table

if TYPE_CHECKING:
    from tracker.tokens import Token


@click.group(short_help="Make, list and revoke the tokens that a server asks for.")
def token() -> None:
    """Make, list and revoke the tokens that a server asks for.

    These commands work on the log's file, also while a server or a program writes it; a server knows of a change
    within 5 seconds. `tracker audit` shows who made and revoked which.
    """


@token.command(cls=Command)
@click.option("--name", required=True, metavar="NAME", help="Who it is for: 1 to 200 characters.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    metavar="SCOPE",
    help="What it may do: read, report (send events), admin (everything); several with commas.",
)
@click.option("--expires", metavar="TIME", help="Good for so long: 12h, 90d, 52w. Else until it is revoked.")
@click.option(
    "--job-prefix", "prefixes", multiple=True, metavar="TEXT", help="Only for jobs whose id begins so; may be repeated."
)
@json_option
@database_option
def create(
    name: str,
    scopes: tuple[str, ...],
    expires: str | None,
    prefixes: tuple[str, ...],
    as_json: bool,
    database: str | None,
) -> None:
    """Make a token and print it, this once: only a hash of it is kept.

    Standard output gets the token and nothing else, so that TOKEN=$(tracker token create …) works.
    """
    from tracker import tokens
    from tracker.times import now

    at = now()
    wanted = [scope.strip() for given in scopes for scope in given.split(",")]
    text, made = tokens.make(name, wanted, prefixes, now=at, expires_at=_expiry(expires, at))
    with token_table(load_settings(database).database_url) as table:
        table.create(made, actor())
    if as_json:
        echo_json({"success": True, "token": text, **_body(made, at)})
    else:
        click.echo(text)
        click.echo(_introduction(made), err=True)


@token.command("list", cls=Command)
@json_option
@database_option
def list_tokens(as_json: bool, database: str | None) -> None:
    """Show every token there is or was.

    Never the secret: nobody has it but its holder.
    """
    from tracker.times import now

    url = load_settings(database).database_url
    with token_table(url) as table:
        tokens = table.list()
    if as_json:
        at = now()
        echo_json({"success": True, "tokens": [_body(one, at) for one in tokens]})
    elif tokens:
        from api.cli.token_list import print_tokens

        print_tokens(tokens, now())
    else:
        click.echo(f"No tokens in {log_path(url)} yet: `tracker token create --name NAME --scope read` makes one.")


@token.command(cls=Command)
@click.argument("name_or_id")
@json_option
@database_option
def revoke(name_or_id: str, as_json: bool, database: str | None) -> None:
    """Have a token good for nothing from now on.

    NAME_OR_ID is its name or its id, or the token itself where one was found that should not be known.
    """
    from tracker.times import now

    at = now()
    with token_table(load_settings(database).database_url) as table:
        revoked = table.revoke(_id_in(name_or_id), actor(), at)
    if as_json:
        echo_json({"success": True, **_body(revoked, at)})
    else:
        click.echo(f"Revoked the token {revoked.name!r} (id {revoked.token_id}).")
        click.echo("A running server sends away who uses it within 5 seconds.")


def _expiry(expires: str | None, at: int) -> int | None:
    from tracker.settings import duration_seconds
    from tracker.times import MICROSECONDS

    return None if expires is None else at + int(duration_seconds("expires", expires) * MICROSECONDS)


def _id_in(text: str) -> str:
    from tracker import tokens

    try:
        return tokens.read(text)[0]
    except tokens.Unauthorized:
        return text


def _body(token: Token, at: int) -> dict[str, Any]:
    from tracker.times import iso

    times = {name: getattr(token, name) for name in ("created_at", "expires_at", "revoked_at")}
    return {
        "token_id": token.token_id,
        "name": token.name,
        "scopes": token.scopes,
        "job_prefixes": token.job_prefixes,
        "good": token.is_good(at),
        **{name: None if time is None else iso(time) for name, time in times.items()},
    }


def _introduction(token: Token) -> str:
    """What its maker has to know of a new token."""
    from tracker.times import iso

    may = "do everything" if "admin" in token.scopes else " and ".join(token.scopes)
    jobs = f"jobs whose id begins with {' or '.join(token.job_prefixes)}" if token.job_prefixes else "every job"
    until = "it is revoked" if token.expires_at is None else wording.date_and_time(iso(token.expires_at))
    return (
        f"This is the token {token.name!r} (id {token.token_id}). It is shown only now, and kept nowhere.\n"
        f"It may {may}, for {jobs}, until {until}.\n"
        "Send it as the HTTP header `Authorization: Bearer TOKEN`; `tracker tail` takes it from TRACKER_TOKEN."
    )
