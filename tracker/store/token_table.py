"""Tokens in the log's database, and the trail of what was done with them. Synchronous: for the command line.

The log has one writer, its owner; tokens are the one thing that another process writes beside it, in short
transactions of their own. Nothing here touches events, jobs or the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tracker.errors import StoreError, TrackerError
from tracker.store import rows, statements, tables
from tracker.times import iso
from tracker.tokens import Token

_encode, _decode = msgspec.json.encode, msgspec.json.decode


class TokenExists(TrackerError):
    """There is a token of this name."""

    code = "token_exists"


class TokenNotFound(TrackerError, LookupError):
    """There is no token of this name or id."""

    code = "token_not_found"


class AuditEntry(Struct, frozen=True):
    """What was done; ``at`` in microseconds UTC."""

    number: int
    at: int
    action: str
    actor: str
    subject: str
    details: dict[str, Any]


class TokenTable:
    """See the module. Close it after use."""

    def __init__(self, engine: Engine, translate: Callable[[DBAPIError], StoreError]) -> None:
        self._engine = engine
        self._translate = translate

    def create(self, token: Token, actor: str) -> None:
        """Keep a token.

        Raises:
            TokenExists: If there is one of its name that is not revoked.
        """
        details = {name: getattr(token, name) for name in ("token_id", "scopes", "job_prefixes")}
        details["expires_at"] = None if token.expires_at is None else iso(token.expires_at)
        try:
            with self._transaction() as connection:
                connection.execute(insert(tables.tokens), rows.token_row(token))
                _note(connection, token.created_at, "token_created", actor, token.name, details)
        except IntegrityError as error:
            raise TokenExists(
                f"There is a token {token.name!r} already. Revoke it first, or choose another name."
            ) from error

    def revoke(self, name_or_id: str, actor: str, now: int) -> Token:
        """Have a token good for nothing, from now on, and return it; the server sends its clients away in 5 seconds.

        Where the id of one is the name of another, the id counts: nobody chooses ids.

        Raises:
            TokenNotFound: If there is none, or it is revoked already.
        """
        with self._transaction() as connection:
            found = _live(connection, name_or_id)
            revoked = update(tables.tokens).where(tables.tokens.c.token_id == found.token_id).values(revoked_at=now)
            connection.execute(revoked)
            _note(connection, now, "token_revoked", actor, found.name, {"token_id": found.token_id})
        return replace(found, revoked_at=now)

    def list(self) -> list[Token]:
        """Every token, in the order they were made."""
        with self._transaction() as connection:
            return _tokens(connection)

    def note(self, action: str, actor: str, subject: str, details: Mapping[str, Any], now: int) -> None:
        """Add to the trail."""
        with self._transaction() as connection:
            _note(connection, now, action, actor, subject, details)

    def trail(self, limit: int) -> Sequence[AuditEntry]:
        """The last entries, oldest first."""
        newest = select(tables.audit).order_by(tables.audit.c.number.desc()).limit(limit)
        with self._transaction() as connection:
            found = connection.execute(newest).all()
        return [_entry(row) for row in found[::-1]]

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise self._translate(error) from error


def _tokens(connection: Connection) -> list[Token]:
    return [rows.token(row) for row in connection.execute(statements.TOKENS)]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(row.number, row.at, row.action, row.actor, row.subject, _decode(row.details))


def _live(connection: Connection, name_or_id: str) -> Token:
    live = [token for token in _tokens(connection) if token.revoked_at is None]
    by_name = {token.name: token for token in live}
    found = {**by_name, **{token.token_id: token for token in live}}.get(name_or_id)
    if found is None:
        # Not repeated: it may be the secret itself, given by mistake.
        raise TokenNotFound("There is no token of this name or id that is not revoked: see `tracker token list`.")
    return found


def _note(connection: Connection, at: int, action: str, actor: str, subject: str, details: Mapping[str, Any]) -> None:
    entry = {"at": at, "action": action, "actor": actor, "subject": subject, "details": _encode(details).decode()}
    connection.execute(insert(tables.audit), entry)
