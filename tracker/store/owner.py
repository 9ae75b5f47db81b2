"""One owner per SQLite file: an operating system's lock beside it, and a note of who holds it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from tracker.errors import StoreError, StoreOwned

RIGHTS = "Give this user the right to write the log's file and folder, or name another file for the log."


class OwnerLock:
    """The right to write a log, held until :meth:`release` or the end of the process.

    The lock is the operating system's, so a killed process leaves none behind. The note is a second file, because
    Windows lets nobody read a file that is locked; it is believed only while the lock is held.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._note = database.with_name(f"{database.name}.owner.json")
        # Not thread-local: opened by the caller's thread, released by whichever closes the tracker.
        self._lock = FileLock(database.with_name(f"{database.name}.owner"), thread_local=False)

    def acquire(self) -> None:
        """Become the owner.

        Raises:
            StoreOwned: If another process, or another tracker of this one, is.
            StoreError: If the folder cannot be written.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise self._owned() from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self.announce(None)
        except OSError as error:
            self._lock.release()
            raise self._unwritable(error) from error

    def announce(self, url: str | None) -> None:
        """Note who and where the owner is."""
        self._note.write_text(json.dumps({"pid": os.getpid(), "url": url}))

    def release(self) -> None:
        """Give the log up."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release()

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"Cannot write beside {self._database}: {error.strerror or error}. {RIGHTS}")

    def _owned(self) -> StoreOwned:
        try:
            note = json.loads(self._note.read_text())
            return StoreOwned(str(self._database), int(note["pid"]), note["url"])
        except (OSError, ValueError, KeyError, TypeError):
            # The owner is just starting or leaving; that it is there is what matters.
            return StoreOwned(str(self._database), None, None)
