"""``python -m tests.faults.foreign_readers PATH READERS SECONDS``: another program that reads a log in transactions.

Each of its threads begins the next as soon as one of so many seconds has ended. It prints ``reading`` when all have
begun, and ends with its input. No code of the tracker is in it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]
FOR_EVER = 3600.0


@contextmanager
def foreign_readers(path: Path, readers: int, seconds: float) -> Iterator[None]:
    """They read while the block runs."""
    command = [sys.executable, "-m", "tests.faults.foreign_readers", str(path), str(readers), str(seconds)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "reading"
        try:
            yield
        finally:
            process.stdin.close()


def _read(path: str, seconds: float, over: threading.Event, begun: threading.Barrier) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        is_first = True
        while not over.is_set():
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM log_head").fetchone()
            if is_first:
                begun.wait()
                is_first = False
            over.wait(seconds)
            connection.execute("COMMIT")


def main(path: str, readers: int, seconds: float) -> None:
    over, begun = threading.Event(), threading.Barrier(readers + 1)
    threads = [threading.Thread(target=_read, args=(path, seconds, over, begun)) for _ in range(readers)]
    for thread in threads:
        thread.start()
    begun.wait()
    print("reading", flush=True)
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
