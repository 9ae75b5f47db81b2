"""The file of an open log stays the one that was opened, and not another that somebody put in its place.

SQLite goes on writing to a file that was removed, where nobody will find it, and would make an empty one when it
connects again.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class SameFile:
    """Watches a path. One thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)
        self._known: os.stat_result | None = None

    def note(self) -> None:
        """The file is open now: from here on it is to be this one."""
        if self._known is None:
            self._known = self._path.stat()

    def demand(self) -> None:
        """Raise :class:`sqlite3.OperationalError` if another file is there now, or none."""
        if self._known is None:
            return
        try:
            found = os.stat(self._name)  # noqa: PTH116  # before every commit, and Path takes as long as the system
        except OSError:
            found = None
        if found is None or not os.path.samestat(found, self._known):
            raise sqlite3.OperationalError(
                "its file was removed or replaced while it was open; "
                "put it back, or restart to go on with what is there"
            )
