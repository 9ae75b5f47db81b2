"""PostgreSQL's errors in the tracker's words."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

from tracker.errors import StoreError, StoreUnavailable
from tracker.store.shared_writer import Overtaken

# It goes by itself: connections, resources, a statement that somebody or a time limit cancelled, a server that starts
# or stops, a standby, locks, a deadlock, the disk's errors.
_PASSING = re.compile(r"08|53|57014|57P0[1-5]|25006|25P03|25P04|55P03|40|58")
_UNIQUE = "23505"
_ASIDES = ("\t", "Multiple connection", "DETAIL", "HINT")
# Before there is a session there is no code, only the server's or the library's sentence.
_AT_THE_DOOR = (
    (
        re.compile(r"password authentication failed|no password supplied|role .* does not exist|no pg_hba\.conf entry"),
        "PostgreSQL does not let this user in: {reason}. Check the user and the password in the database URL.",
    ),
    (
        re.compile(r"database \"(.*)\" does not exist"),
        "PostgreSQL has no such database: {reason}. Make it with `createdb`, the tracker makes the tables.",
    ),
    (
        re.compile(r"invalid \S+ value|bad value for"),
        "An option of the database URL is not right: {reason}.",
    ),
    (
        re.compile(r"unsupported startup parameter"),
        "A pooler answers in PostgreSQL's place, and takes no settings of a session: {reason}. Give the server's own "
        "address in the database URL.",
    ),
)


def translate(error: DBAPIError) -> StoreError:
    """The error of a statement, or of connecting."""
    code = getattr(error.orig, "sqlstate", None)
    reason = _reason(error)
    if code == _UNIQUE:
        return Overtaken(f"The log has this already: {reason}.")
    if code is not None and not _PASSING.match(code):
        return StoreError(f"The log cannot be used: {reason}.")
    for said, advice in _AT_THE_DOOR:
        if said.search(reason):
            return StoreError(advice.format(reason=reason))
    return StoreUnavailable(f"PostgreSQL cannot be used just now: {reason}.")


def _reason(error: DBAPIError) -> str:
    """The last line that says what happened; of several addresses that were tried, it is the last one's."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    lines = (primary or str(error.orig)).strip().splitlines()
    said = [line for line in lines if line.strip() and not line.startswith(_ASIDES)]
    return said[-1].strip().removeprefix("- ").rstrip(".") if said else "no reason was given"
