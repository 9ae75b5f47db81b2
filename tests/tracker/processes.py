"""Scripts that report in a process of their own, and the log they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tracker.events import RecordedEvent
from tracker.store.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 60.0  # seconds: a script that hangs fails its test
_BEGINNING = """
import os, sys, threading
from tracker.progress_reporter import ProgressReporter, init_progress_reporter
reporter = ProgressReporter(database_url=sys.argv[1])
"""


def new_log(folder: Path) -> Path:
    """An empty log: a script that opens it need not load what makes one."""
    path = folder / "log.db"
    SqliteStore(path).close()
    return path


def run(script: str, path: Path, *, beginning: str = _BEGINNING, warnings: str = "error") -> tuple[int, str, str]:
    """Run a script that begins with a ``reporter`` on the log at ``path``; its exit code, output and errors."""
    code = beginning + dedent(script)
    ran = subprocess.run(
        [sys.executable, "-W", warnings, "-c", code, f"sqlite:///{path}"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=ROOT,
        env=os.environ,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def rows(path: Path) -> list[RecordedEvent]:
    """Everything in the log; opening it shows that nobody owns it any more."""
    store = SqliteStore(path)
    try:
        return store.writer.read(0, 1_000_000)
    finally:
        store.close()
