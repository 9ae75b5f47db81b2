"""SQLite's write-ahead log, the file beside the log's own, is kept short, however many read meanwhile.

SQLite begins it anew only in a moment without readers. Where each begins before another has ended there is none, and
the file grows with every commit: 75 MiB in 6 s. The writer makes such a moment. While it waits, who begins to read
finds all in the log's own file and needs no other, and who reads already ends.
"""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic

from sqlalchemy import Connection

from tracker.store import driver

_log = logging.getLogger("tracker")
_PATIENCE_MILLISECONDS = 40  # a commit waits so long for who reads: twice what those take whom it is to cope with
_LONG_BYTES = 6 * 2**20  # SQLite itself begins anew at 4 MiB, where nobody reads
_ALARMING_BYTES = 64 * 2**20
# Linux gives a file whose times somebody asked for a new time at the next write, and logs it with the next sync
# (multigrain timestamps, since 6.13): asked before each commit, a lone one took 240 µs instead of 160.
_LOOK_SECONDS = 0.01


class WriteAheadLog:
    """The file of one log. The writer's thread."""

    def __init__(self, path: Path, busy_timeout_seconds: float) -> None:
        """``path``: of the log; ``busy_timeout_seconds``: what its connection waits for locks otherwise."""
        self._path = path.with_name(f"{path.name}-wal")
        self._otherwise = round(1000 * busy_timeout_seconds)
        self._looked_at = 0.0
        self._seen = 0
        self._enough = _LONG_BYTES
        self._has_warned = False

    def keep_short(self, connection: Connection) -> None:
        """Empty the file if it has become long, unless somebody reads for longer than this may wait. In no transaction.

        Looks at most every 10 ms, however often it is called.

        Raises:
            DBAPIError: As SQLAlchemy does: what it holds cannot be written to the log's own file.
        """
        now = monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        size = self._size()
        if size < self._seen:
            self._enough = _LONG_BYTES
        self._seen = size
        if size < self._enough:
            return
        # Before it is tried: whatever comes of it, writing goes on, and only a longer file is worth another wait.
        self._enough = size + size // 8
        if self._is_emptied(connection):
            self._has_warned = False
        elif size >= _ALARMING_BYTES and not self._has_warned:
            self._warn(size)

    def _is_emptied(self, connection: Connection) -> bool:
        driver.execute(connection, f"PRAGMA busy_timeout = {_PATIENCE_MILLISECONDS}")
        ((is_busy, _, _),) = driver.execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        driver.execute(connection, f"PRAGMA busy_timeout = {self._otherwise}")
        return not is_busy

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:  # before the first commit
            return 0

    def _warn(self, size: int) -> None:
        self._has_warned = True
        _log.warning(
            "%s has grown to %d MiB, because somebody has been reading the log in one transaction for long: a backup, "
            "an export, another program. It shrinks when that ends; nothing is lost",
            self._path,
            size // 2**20,
        )
