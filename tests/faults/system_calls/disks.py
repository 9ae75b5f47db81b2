"""Three disks that can be full: one that only says so, a small one, and one on which files may not grow."""

from __future__ import annotations

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.preload import compiled

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_PAGE = 4096


class FullServer:
    """The process of ``full_disk.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.url = f"http://127.0.0.1:{self._line()}"

    def tell(self, word: str, answer: str | None = None) -> None:
        """Wait for the answer, where there is one."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        if answer is not None:
            assert self._line() == answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Disk(ABC):
    """Of one log. ``says``: what the server says of it when it is full."""

    says = "full"
    name = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.db"
        self.environment = dict(os.environ)

    @contextmanager
    def server(self, *control: str) -> Iterator[FullServer]:
        """A server whose log is on it."""
        command = [sys.executable, "-m", "tests.faults.system_calls.full_disk", f"sqlite:///{self.path}", *control]
        with subprocess.Popen(
            command, env=self.environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield FullServer(process)
            finally:
                process.kill()

    @abstractmethod
    def fill(self, server: FullServer) -> None:
        """There is no room any more."""

    @abstractmethod
    def free(self, server: FullServer) -> None:
        """There is room again."""


class SaysItIsFull(Disk):
    """Every write is answered with ENOSPC, before the system hears of it."""

    name = "ENOSPC at every write"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["LD_PRELOAD"] = str(compiled(_HERE / "failing.c", folder))

    def fill(self, server: FullServer) -> None:
        server.tell("full", "full")

    def free(self, server: FullServer) -> None:
        server.tell("room", "room")


class SmallDisk(Disk):
    """A file system of 24 MiB, with another file that takes what there is."""

    name = "a full file system"

    def fill(self, server: FullServer) -> None:
        with suppress(OSError), self._ballast.open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass
        assert os.statvfs(self.path).f_bavail == 0

    def free(self, server: FullServer) -> None:
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.path.with_name("ballast")


class LimitedFiles(Disk):
    """The server's files may not be written beyond a page, as with a quota; needs no rights."""

    name = "files that may not grow"
    says = "disk I/O error"

    def fill(self, server: FullServer) -> None:
        import resource  # not on Windows

        # Not the size that they have: the write-ahead log begins anew at 4 MiB, and then fits into it for ever. Into a
        # page not even its first frame fits: that is written in part, and then refused.
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (_PAGE, resource.RLIM_INFINITY))

    def free(self, server: FullServer) -> None:
        import resource

        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
