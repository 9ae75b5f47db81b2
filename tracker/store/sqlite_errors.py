"""SQLite's errors in the tracker's words."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from tracker.errors import StoreError, StoreUnavailable

# Not worth a retry: the file is damaged, is no database, or its tables are not ours.
_FATAL = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
# What is to be done; everything else passes, or its reason says it.
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "Another program writes to its file: end that one, if it does not end by itself.",
    sqlite3.SQLITE_READONLY: "Give the tracker the right to write its file and folder; writing goes on then.",
    sqlite3.SQLITE_CANTOPEN: (
        "See that its file and folder are there, and that they may be written: while nobody else has the log open, "
        "also reading it needs that. On a read-only disk, copy it elsewhere first."
    ),
}


def translate(error: DBAPIError) -> StoreError:
    """What is raised instead; only :class:`StoreUnavailable` is worth another try."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    reason = str(error.orig)
    if primary == sqlite3.SQLITE_FULL:
        return StoreUnavailable("The disk of the log is full. Writing goes on when there is room again.")
    if isinstance(error.orig, sqlite3.OperationalError) and primary not in _FATAL:
        remedy = _REMEDIES.get(primary, "") if primary is not None else ""
        return StoreUnavailable(f"The log cannot be used just now: {reason}. {remedy}".rstrip())
    if primary == sqlite3.SQLITE_NOTADB:
        return StoreError("The file is not a SQLite database. Name another file for the log.")
    return StoreError(f"The log cannot be used: {reason}.")
