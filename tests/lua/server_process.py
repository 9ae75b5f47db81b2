"""A server in a process of its own, to be killed: ``python -m tests.lua.server_process DATABASE_URL``.

Prints its port, and serves until it is killed, or standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(database_url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its port; it is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.lua.server_process", database_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def main(database_url: str) -> None:
    from api.websocket_server import WebSocketServer
    from tracker.progress_reporter import ProgressReporter
    from tracker.settings import Settings

    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=Settings(database_url=database_url)):
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
