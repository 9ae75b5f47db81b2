"""A command as a child process: its output passed on as it comes, our signals passed on to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, BinaryIO, cast

_CHUNK = 65_536
_LOOK_AGAIN_SECONDS = 0.5
_QUIET_SECONDS = 2.0
_FULL_SECONDS = 0.01
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
Heard = Callable[[bytes], None]


class Child:
    """Runs a command once. Main thread only, as signals are its business."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def run(self, out: BinaryIO, err: BinaryIO, heard: Heard) -> int:
        """Run it to its end; its exit code, of one that a signal ended 128 and the signal's number, as in a shell.

        Standard output and error go to ``out`` and ``err`` unchanged and at once; ``heard`` is given both, in pieces,
        in the order they came, by one thread at a time. Standard input is ours.

        Raises:
            OSError: If it cannot be started.
        """
        with self._passing_on():
            self._process = process = _start(self._command)
            while self._early:
                _pass_on(process, self._early.pop(0))
            code = self._follow(process, out, err, heard)
        return code if code >= 0 else 128 - code

    def _follow(self, process: subprocess.Popen[bytes], out: BinaryIO, err: BinaryIO, heard: Heard) -> int:
        assert process.stdout is not None  # noqa: S101  # as it was started
        assert process.stderr is not None  # noqa: S101
        turns = threading.Lock()
        pumps = [_Pump(process.stdout, out, heard, turns), _Pump(process.stderr, err, heard, turns)]
        ended = threading.Event()
        threading.Thread(target=_wait, args=(process, ended), daemon=True).start()
        # Not process.wait() here: a signal that comes just before it sleeps would wait for the end, too.
        while not ended.wait(_LOOK_AGAIN_SECONDS):
            pass
        for pump in pumps:
            pump.finish()
        return process.returncode

    @contextmanager
    def _passing_on(self) -> Iterator[None]:
        names = [signal.Signals[name] for name in _SIGNALS if name in signal.Signals.__members__]
        # What is ignored, as under nohup, stays so for the command too.
        caught = {number: signal.getsignal(number) for number in names}
        before = {number: handler for number, handler in caught.items() if handler is not signal.SIG_IGN}
        for number in before:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            _pass_on(self._process, number)


class _Pump:
    """Reads one of the command's streams in a thread of its own."""

    def __init__(self, source: IO[bytes], target: BinaryIO, heard: Heard, turns: threading.Lock) -> None:
        self._source = source
        self._target = target
        self._heard = heard
        self._turns = turns
        self._reading_since: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end of the stream, when the command has ended.

        Something that the command started may hold the stream for ever: 2 quiet seconds are the end as well.
        """
        ended = time.monotonic()
        while self._thread.is_alive():
            self._thread.join(0.05)
            since = self._reading_since
            if since is not None and time.monotonic() - max(since, ended) > _QUIET_SECONDS:
                return

    def _run(self) -> None:
        # Closed at its end: where nobody reads ours any more, the command learns it as it would without us.
        with self._source, suppress(OSError):
            while output := self._read():
                _write(self._target, output)
                with self._turns:
                    self._heard(output)

    def _read(self) -> bytes:
        self._reading_since = time.monotonic()
        output = self._source.read(_CHUNK)  # unbuffered: returns what is there
        self._reading_since = None
        return output


def _wait(process: subprocess.Popen[bytes], ended: threading.Event) -> None:
    process.wait()
    ended.set()


def _write(target: BinaryIO, output: bytes) -> None:
    # Past the buffer: what stays in it when nobody reads would fail a second time at our own end.
    raw = cast("BinaryIO", getattr(target, "raw", target))
    while output:
        written: int | None = raw.write(output)
        if written is None:  # a stream that somebody set to be non-blocking is full
            time.sleep(_FULL_SECONDS)
        output = output[written or 0 :]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # Windows finds `npm.cmd` under the name `npm` only by this search.
    found = shutil.which(command[0])
    return subprocess.Popen(  # noqa: S603  # running what the user wrote is what this is for
        command, executable=found, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )


def _pass_on(process: subprocess.Popen[bytes], number: int) -> None:
    """The seam: what a signal to us means to the command."""
    if sys.platform == "win32":
        # Ctrl-C and Ctrl-Break reach every program of the console; the others are not known there.
        if number == signal.SIGTERM:
            process.terminate()
    elif not (number == signal.SIGINT and _is_at_the_terminal()):
        process.send_signal(number)


def _is_at_the_terminal() -> bool:
    """Whether Ctrl-C there reaches us and the command, both: a second one would mean something else to many."""
    if sys.platform == "win32":
        return True
    for stream in (0, 1, 2):
        with suppress(OSError):
            return os.tcgetpgrp(stream) == os.getpgrp()
    return False
