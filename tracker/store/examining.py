"""What is to be known of a log's surroundings: its database, disk and owner. Reads only, also beside the owner.

Whether the log itself is sound is a question for :mod:`tracker.store.verifying`, which reads all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct
from sqlalchemy import URL, Connection, text

from tracker.errors import StoreError
from tracker.projection import PROJECTION_VERSION
from tracker.store import postgres, sqlite, statements
from tracker.store.schema import REVISION, current

State: TypeAlias = Literal["ok", "warning", "wrong"]
# Two connections that write and checkpoint at the same instant can lose a commit before it: https://sqlite.org/wal.html
_WAL_RESET_MENDED = (3, 51, 3)
_LARGE_WAL_BYTES = 16 * 1024 * 1024
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 256 * 1024 * 1024, 4 * 1024 * 1024
_MUCH_UNUSED, _MANY_CONNECTED = 0.5, 0.8  # of all
_CONNECTED = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
_OF_A_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "fuse.rclone", "ceph"})
_MIB = 1024 * 1024


class Finding(Struct, frozen=True):
    """``subject``: what was looked at, a word or two; ``told``: what was seen and, if it is not ok, what to do."""

    subject: str
    state: State
    told: str


class Owner(Struct, frozen=True):
    """Who says that he writes the log; ``url`` where he serves it."""

    pid: int
    url: str | None


def owner(path: Path) -> Owner | None:
    """Who writes a SQLite log, by the note beside it; None where nobody does, or died without a word."""
    try:
        note = json.loads(path.with_name(f"{path.name}.owner.json").read_text())
        found = Owner(int(note["pid"]), note["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _is_alive(found.pid) else None


def examine_file(path: Path) -> Iterator[Finding]:
    """A SQLite log's library, disk and file."""
    yield _library()
    yield from _disk(path)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            yield from _file(path, connection)
        with sqlite._looking_at(path) as seen:
            yield from _log(seen)
    except (sqlite3.Error, StoreError) as error:
        yield Finding("log", "wrong", f"cannot be read: {error}. `tracker verify` says more; or restore a backup")


def examine_database(url: URL) -> Iterator[Finding]:
    """A PostgreSQL log's server, its settings and the log."""
    try:
        with postgres._looking_at(url) as connection:
            yield from _server(connection)
            yield from _log(connection)
    except StoreError as error:
        yield Finding("log", "wrong", str(error))


def _library() -> Finding:
    said = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < _WAL_RESET_MENDED:
        said += ", with one writer at a time, as here; before 3.51.3 no other program may write the log"
    return Finding("library", "ok", said)


def _disk(path: Path) -> Iterator[Finding]:
    kind = _file_system(path)
    if kind in _OF_A_NETWORK:
        told = f"{kind} is a network's, where SQLite's locks do not hold. Use a local disk, or PostgreSQL"
        yield Finding("file system", "wrong", told)
    elif kind is not None:
        yield Finding("file system", "ok", kind)
    free = shutil.disk_usage(path.parent).free
    state: State = "wrong" if free < _TOO_LITTLE_BYTES else "warning" if free < _LITTLE_BYTES else "ok"
    told = f"{free / _MIB:,.0f} MiB free"
    yield Finding("disk", state, told if state == "ok" else f"{told}: make room, or `tracker prune`")


def _file(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    (pages,), (unused,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count"))
    told = f"{path.stat().st_size / _MIB:,.1f} MiB, {unused / max(1, pages):.0%} of it free for new events"
    if unused > _MUCH_UNUSED * pages:
        yield Finding("file", "warning", f"{told}: `tracker backup` makes a compact copy")
    else:
        yield Finding("file", "ok", told)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        yield Finding("journal", "warning", f"{mode} instead of wal: whoever opens the log for writing next mends that")
    wal = path.with_name(f"{path.name}-wal")
    waiting = wal.stat().st_size if wal.exists() else 0
    if waiting > _LARGE_WAL_BYTES:
        told = f"{waiting / _MIB:,.0f} MiB: some program reads without an end, and keeps it from shrinking"
        yield Finding("write-ahead log", "warning", told)
    else:
        yield Finding("write-ahead log", "ok", f"{waiting / _MIB:,.1f} MiB")


def _log(connection: Connection) -> Iterator[Finding]:
    found = current(connection)
    if found != REVISION:
        yield Finding("schema", "wrong", f"{found or 'none'} instead of {REVISION}: run `tracker migrate`")
        return
    yield Finding("schema", "ok", found)
    head = connection.execute(statements.HEAD).one()
    yield Finding("log", "ok", f"position {head.position:,}, pruned up to {head.horizon:,}, epoch {head.epoch}")
    if head.projection_version != PROJECTION_VERSION:
        told = f"version {head.projection_version} instead of {PROJECTION_VERSION}: rebuilt when it is next opened"
        yield Finding("projection", "warning", told)


def _server(connection: Connection) -> Iterator[Finding]:
    def shown(name: str) -> str:
        return str(connection.execute(text(f"SHOW {name}")).scalar())

    yield Finding("server", "ok", f"PostgreSQL {shown('server_version')}")
    if shown("fsync") == "off":
        yield Finding("fsync", "wrong", "off: a loss of power may destroy the database. Switch it on")
    if shown("synchronous_commit") == "off":
        yield Finding("synchronous_commit", "ok", "off here; the tracker's own commits are synced all the same")
    used, most = connection.execute(_CONNECTED).scalar() or 0, int(shown("max_connections"))
    told = f"{used} of {most} used"
    if used > _MANY_CONNECTED * most:
        yield Finding("connections", "warning", f"{told}, and a node takes up to eight: raise max_connections")
    else:
        yield Finding("connections", "ok", told)


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # a signal of 0 would end it there; the note goes with its owner, unless he was killed
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _file_system(path: Path) -> str | None:
    """Its kind, where the system says: on Linux."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return None
    parts = [line.split() for line in mounts.read_text().splitlines()]
    over = [(point, kind) for _, point, kind, *_ in parts if path.resolve().is_relative_to(point)]
    return max(over, key=lambda one: len(one[0]), default=(None, None))[1]
