"""Giving a file's free pages back to the disk, a bounded step at a time.

Left to itself, SQLite keeps the pages of what was deleted for reuse.
"""

from __future__ import annotations

from sqlalchemy import Connection

from tracker.store import driver


def give_back(connection: Connection, max_pages: int) -> int:
    """Shorten the file by at most ``max_pages`` free pages, in the connection's transaction; returns by how many.

    The file itself becomes shorter with the next checkpoint. A file that was not made for it keeps its pages.
    """
    free = free_pages(connection)
    for _ in range(min(free, max_pages)):
        # The pragma frees a page for each row that is asked of it, and the driver asks for one: it has no columns.
        driver.execute(connection, "PRAGMA incremental_vacuum(1)")
    return free - free_pages(connection)


def free_pages(connection: Connection) -> int:
    """How many pages of the file hold nothing."""
    count: int = driver.execute(connection, "PRAGMA freelist_count").fetchall()[0][0]
    return count


def checkpoint(connection: Connection) -> None:
    """Bring the write-ahead file's pages into the log's file, as far as no reader needs it as it was.

    Outside of any transaction. Every thousandth page that is written costs the same.
    """
    driver.execute(connection, "PRAGMA wal_checkpoint(PASSIVE)").fetchall()
