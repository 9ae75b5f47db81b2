"""The processes of a measurement: a server, and crowds of clients. All end with the block."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Process:
    """A process that answers lines with lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def line(self) -> str:
        """Its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"A process of the benchmark ended: {self._process.args!r}")
        return line

    def say(self, command: str = "") -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def ask(self, command: str = "") -> Any:
        """Send a line; the JSON it answers with."""
        self.say(command)
        return json.loads(self.line())


@contextmanager
def running(module: str, *arguments: object) -> Iterator[Process]:
    """``python -m tests.benchmarks.<module>``."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


@contextmanager
def server(folder: Path) -> Iterator[tuple[Process, int]]:
    """A server on a log in the folder, and its port."""
    with node(f"sqlite:///{folder.as_posix()}/log.db") as served:
        yield served


@contextmanager
def node(url: str) -> Iterator[tuple[Process, int]]:
    """A server on a log, and its port."""
    with running("served", url) as process:
        yield process, json.loads(process.line())["port"]


@contextmanager
def crowd(port: int, count: int, channel: str, after: int | None = None) -> Iterator[Process]:
    """So many clients, all subscribed."""
    place = () if after is None else (after,)
    with running("crowd", port, count, channel, *place) as process:
        if process.line().strip() != "ready":
            raise RuntimeError("The clients did not get ready.")
        yield process


def silent_client(port: int) -> socket.socket:
    """A WebSocket client that subscribes from the log's beginning, and never reads what comes."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    message = json.dumps({"type": "subscribe", "channels": ["jobs"], "after": 0}).encode()
    client.sendall(b"\x81" + bytes((0x80 | len(message),)) + b"\0\0\0\0" + message)
    return client
