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
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tracker.errors import StoreError, TrackerError
from tracker.store import rows, statements, tables
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
        details = {name: getattr(token, name) for name in ("token_id", "scopes", "job_prefixes", "expires_at")}
        try:
            with self._transaction() as connection:
                connection.execute(insert(tables.tokens), rows.token_row(token))
                _note(connection, token.created_at, "token_created", actor, token.name, details)
        except IntegrityError as error:
            raise TokenExists(
                f"There is a token {token.name!r} already. Revoke it first, or choose another name."
            ) from error

    def revoke(self, name_or_id: str, actor: str, now: int) -> Token:
        """Have a token good for nothing, from now on; the server sends its clients away within 5 seconds.

        Raises:
            TokenNotFound: If there is none, or it is revoked already.
        """
        with self._transaction() as connection:
            live = [token for token in _tokens(connection) if token.revoked_at is None]
            found = next((token for token in live if name_or_id in (token.name, token.token_id)), None)
            if found is None:
                raise TokenNotFound(f"There is no token {name_or_id!r}; `tracker token list` shows those there are.")
            revoked = update(tables.tokens).where(tables.tokens.c.token_id == found.token_id).values(revoked_at=now)
            connection.execute(revoked)
            _note(connection, now, "token_revoked", actor, found.name, {"token_id": found.token_id})
        return found

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
        return [msgspec.convert({**row._mapping, "details": _decode(row.details)}, AuditEntry) for row in found[::-1]]

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


def _note(connection: Connection, at: int, action: str, actor: str, subject: str, details: Mapping[str, Any]) -> None:
    entry = {"at": at, "action": action, "actor": actor, "subject": subject, "details": _encode(details).decode()}
    connection.execute(insert(tables.audit), entry)
