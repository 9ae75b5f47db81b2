"""Tokens: who may do what. Pure: no clock, no storage.

A token is text such as ``jobreel_4fQx9sKd2m_<43 characters>_<6 characters>``: its public id, a secret of 256 random
bits, and a checksum, so that a token that was cut or mistyped is told from one that is not known, and so that leaked
ones can be searched for. Only the SHA-256 of the secret is stored; a plain hash is enough for a secret that nobody
can guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from tracker.errors import InvalidQuery, TrackerError
from tracker.json_values import check_identifier

Scope: TypeAlias = Literal["read", "report", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_ID_LENGTH, _SECRET_LENGTH, _CHECK_LENGTH = 10, 43, 6  # 43 letters and digits have 256 bits
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"jobreel_([0-9A-Za-z]{10})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})", re.ASCII)
_MAX_PREFIXES = 50


class Unauthorized(TrackerError):
    """There is no token, or it is not (or no longer) good."""

    code = "unauthorized"


class Forbidden(TrackerError):
    """The token does not allow this."""

    code = "forbidden"


class Token(Struct, frozen=True, kw_only=True):
    """A token as it is stored; times in microseconds UTC.

    ``job_prefixes``: it sees and reports only jobs whose id begins with one of these; empty for all jobs.
    """

    token_id: str
    name: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    job_prefixes: tuple[str, ...] = ()
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_good(self, now: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def has_secret(self, secret: str) -> bool:
        """Whether this is its secret; takes the same time whatever the answer is."""
        return hmac.compare_digest(self.secret_hash, hash_secret(secret))


class Access(Struct, frozen=True):
    """What the one who asks may do. ``token_id`` is None for one who needs no token."""

    token_id: str | None
    name: str
    scopes: frozenset[Scope]
    job_prefixes: frozenset[str] = frozenset()

    def demand(self, scope: Scope) -> None:
        """Raise :class:`Forbidden` unless the scope is allowed; ``admin`` allows all."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Forbidden(f"The token {self.name!r} does not have the scope {scope!r}.")

    def includes(self, job_id: str) -> bool:
        """Whether it is for this job."""
        return not self.job_prefixes or job_id.startswith(tuple(self.job_prefixes))

    def demand_job(self, job_id: str) -> None:
        """Raise :class:`Forbidden` unless it is for this job."""
        if not self.includes(job_id):
            prefixes = ", ".join(sorted(self.job_prefixes))
            raise Forbidden(f"The token {self.name!r} is for jobs whose id begins with {prefixes} only.")


FULL_ACCESS = Access(None, "anonymous", frozenset(SCOPES))


def make(
    name: str, scopes: Iterable[str], job_prefixes: Iterable[str] = (), *, now: int, expires_at: int | None = None
) -> tuple[str, Token]:
    """A new token: its text, which is not kept anywhere, and what is stored of it.

    Raises:
        InvalidEvent: If the name or a prefix cannot be used; InvalidQuery: if the scopes cannot, there are too many
            prefixes, or it would have expired already.
    """
    check_identifier("name", name)
    wanted, prefixes = tuple(dict.fromkeys(scopes)), tuple(dict.fromkeys(job_prefixes))
    for prefix in prefixes:
        check_identifier("job_prefix", prefix)
    if not wanted or any(scope not in SCOPES for scope in wanted):
        raise InvalidQuery("scope", ",".join(wanted), f"must be one or more of {', '.join(SCOPES)}")
    if len(prefixes) > _MAX_PREFIXES:
        raise InvalidQuery("job_prefix", len(prefixes), f"may be given {_MAX_PREFIXES} times at most")
    if expires_at is not None and expires_at <= now:
        raise InvalidQuery.of("expires", "must be in the future")
    token_id, secret = _random(_ID_LENGTH), _random(_SECRET_LENGTH)
    token = Token(
        token_id=token_id,
        name=name,
        secret_hash=hash_secret(secret),
        scopes=tuple(scope for scope in SCOPES if scope in wanted),
        job_prefixes=prefixes,
        created_at=now,
        expires_at=expires_at,
    )
    return f"jobreel_{token_id}_{secret}_{_checksum(token_id, secret)}", token


def read(text: str) -> tuple[str, str]:
    """The id and the secret of a token.

    Raises:
        Unauthorized: If it is no token; the text is not repeated in the message.
    """
    match = _TOKEN.fullmatch(text)
    if match is None or match[3] != _checksum(match[1], match[2]):
        raise Unauthorized("This is not a token: it was cut or mistyped, or is something else.")
    return match[1], match[2]


def hash_secret(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(token_id: str, secret: str) -> str:
    number = zlib.crc32(f"{token_id}_{secret}".encode())
    letters = ""
    for _ in range(_CHECK_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return letters
