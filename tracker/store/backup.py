"""A copy of a SQLite log as a file of its own, made beside whoever writes it, and proven before it gets its name."""

from __future__ import annotations

import os
import secrets
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from tracker import durable_names
from tracker.errors import StoreError
from tracker.store import sqlite
from tracker.store.base import LogHead


class BackupNotSound(StoreError):
    """The copy is not what a log should be, and so the log itself may not be; nothing was kept."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"The backup is not sound, and was not kept: {fault} `tracker verify` looks at the log itself."
        )


def back_up(path: Path, target: Path) -> LogHead:
    """Copy the log at ``path`` as it is now to a new file: whole and durable, or not at all. Returns its ends.

    The copy is compact, without what pruning left. It has an epoch of its own: whoever comes to it with a cursor of
    what the log got afterwards is told to begin anew. Nobody who writes waits for it.

    Raises:
        StoreError: If the log cannot be read, or there is a file of that name.
        BackupNotSound: If the copy has a fault.
        OSError: If it cannot be written.
    """
    if target.exists():
        raise StoreError(f"There is a file {target} already: name another one, or remove it.")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        _copy(path, part)
        head = _proven(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        durable_names.rename(part, target)
        return head
    finally:
        part.unlink(missing_ok=True)


def _copy(path: Path, part: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        with closing(sqlite3.connect(part)) as copy, copy:
            copy.execute("UPDATE log_head SET epoch = ?", (uuid.uuid4().hex,))
    except sqlite3.Error as error:
        if not part.parent.is_dir():
            raise StoreError(f"There is no folder {part.parent} to write the backup to.") from error
        raise StoreError(f"The log cannot be copied: {error}.") from error


def _proven(part: Path) -> LogHead:
    with sqlite.open_snapshot(part) as copy:
        for fault in copy.faults():
            raise BackupNotSound(fault)
        return copy.head
