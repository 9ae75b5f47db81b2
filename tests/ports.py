"""Ports for servers that are named before they listen, or that come back on the same one."""

from __future__ import annotations

import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

# Below what any system gives to clients of its own choice (Linux from 32768, macOS and Windows from 49152): a port that
# was free stays so, where one of the system's might be a client's by the time the server is there.
_CANDIDATES = range(10_000, 30_000)


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on and that the system gives to nobody unasked."""
    for port in random.sample(_CANDIDATES, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("of a hundred ports none is free")


@contextmanager
def port_5100() -> Iterator[None]:
    """The port that a server has by itself, for one test of all that run on this machine."""
    with FileLock(Path(tempfile.gettempdir()) / "jobreel-tests-5100.lock", timeout=240):
        yield
