"""The command as a process of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).resolve().parents[3]
_PATIENCE_SECONDS = 30


class Running:
    """A running ``tracker``; its lines are read as they come."""

    def __init__(self, *args: str) -> None:
        # A shell that starts the tests in the background has them ignore Ctrl-C, and their children with them.
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tracker", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONIOENCODING": "utf-8"},
                encoding="utf-8",
            )
        finally:
            signal.signal(signal.SIGINT, before)
        assert self._process.stdout
        assert self._process.stderr
        self._readers: list[threading.Thread] = []
        self._out = self._read(self._process.stdout)
        self._err = self._read(self._process.stderr)

    def line(self, containing: str) -> str:
        """The next line on stdout that contains a text."""
        return self._line(self._out, containing)

    def error_line(self, containing: str) -> str:
        """The same on stderr."""
        return self._line(self._err, containing)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: the exit code, and what was not read yet of stdout and stderr."""
        code = self._process.wait(_PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(_PATIENCE_SECONDS)
        return code, _rest(self._out), _rest(self._err)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.end()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()

    def _read(self, stream: IO[str]) -> queue.Queue[str | None]:
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            for line in stream:
                lines.put(line)
            lines.put(None)

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()
        return lines

    def _line(self, lines: queue.Queue[str | None], containing: str) -> str:
        seen: list[str] = []
        while (line := lines.get(timeout=_PATIENCE_SECONDS)) is not None:
            if containing in line:
                return line
            seen.append(line)
        raise AssertionError(f"ended without a line with {containing!r}: {seen}, {self.end()}")


def _rest(lines: queue.Queue[str | None]) -> str:
    found: list[str] = []
    while not lines.empty():
        found.append(lines.get() or "")
    return "".join(found)


def run_unread(*args: str) -> tuple[int, str]:
    """Run a command whose output nobody reads, as behind ``| head -0``: its exit code and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tracker", *args],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr.decode()
