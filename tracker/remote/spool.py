"""Events on their way, on this machine's disk: what a killed process did not deliver, the next one does.

Each reporter appends to files of its own, segments of about 1 MiB, and removes a segment once all of it is delivered.
A lock beside them says that their owner lives; the segments of one that does not are adopted by the next reporter to
the same server. Nothing is synced: the files outlive the process, not a loss of power. What is delivered twice is
recorded once, by its ``event_id``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout

from tracker.remote import records

_log = logging.getLogger("tracker.remote")
_SEGMENT_BYTES = 1024 * 1024
_SUFFIX = ".spool"


def spool_folder(base: Path, url: str) -> Path:
    """Where events for a server wait; the name is a hash, as a URL is no file name."""
    return base / hashlib.sha256(url.encode()).hexdigest()[:16]


class _Segment:
    """A file, and how many of its records are not delivered yet."""

    __slots__ = ("path", "undelivered")

    def __init__(self, path: Path, undelivered: int = 0) -> None:
        self.path = path
        self.undelivered = undelivered


class Spool:
    """The files of one reporter. One thread appends, another says what is delivered."""

    def __init__(self, folder: Path) -> None:
        """Take a name of its own in the folder, made where it is not there.

        Raises:
            OSError: If the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._name = uuid.uuid4().hex
        self._lock = FileLock(_lock_path(folder, self._name), thread_local=False)
        self._lock.acquire(timeout=0)
        self._adopted_locks: list[FileLock] = []
        self._segments: deque[_Segment] = deque()
        self._file: FileIO | None = None
        self._count = 0
        self._changing = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    def adopt(self) -> Iterator[list[bytes]]:
        """The events that reporters left who live no more, a segment at a time, oldest first.

        Taken over: :meth:`delivered` counts them before those that are appended.
        """
        for name in sorted({path.name.partition("-")[0] for path in self._folder.glob(f"*{_SUFFIX}")}):
            lock = FileLock(_lock_path(self._folder, name), thread_local=False)
            if name == self._name or not _is_free(lock):
                continue
            self._adopted_locks.append(lock)
            for path in sorted(self._folder.glob(f"{name}-*{_SUFFIX}")):
                yield from self._adopted(path)

    def append(self, texts: Sequence[bytes]) -> None:
        """Have events survive the end of the process: when this returns, they do.

        Raises:
            OSError: If they cannot be written; nothing of them is kept then.
        """
        with self._changing:
            file = self._open()
            end = file.tell()
            try:
                _write(file, records.encode(texts))
            except OSError:
                # Half a record would end the reading of this file for good: the next ones go to another.
                with contextlib.suppress(OSError):
                    file.truncate(end)
                self._close_file()
                raise
            self._segments[-1].undelivered += len(texts)
            if file.tell() >= _SEGMENT_BYTES:
                self._close_file()

    def delivered(self, count: int) -> None:
        """The oldest ``count`` events need to be kept no more."""
        with self._changing:
            while count:
                segment = self._segments[0]
                done = min(count, segment.undelivered)
                segment.undelivered -= done
                count -= done
                if not segment.undelivered:
                    self._empty(segment)

    def close(self) -> None:
        """Leave what is not delivered to the next reporter."""
        if self._file is not None and not self._segments[-1].undelivered:
            self._remove(self._segments[-1])
        self._close_file()
        for lock in [*self._adopted_locks, self._lock]:
            lock.release()
            if not any(segment.path.name.startswith(Path(lock.lock_file).stem) for segment in self._segments):
                with contextlib.suppress(OSError):
                    Path(lock.lock_file).unlink(missing_ok=True)

    def disown(self) -> None:
        """In a forked child: the files are the parent's."""
        # The child's copy of the descriptor is closed; the lock stays the parent's, which holds it open itself.
        self._close_file()
        self._segments.clear()

    def _adopted(self, path: Path) -> Iterator[list[bytes]]:
        try:
            contents = records.decode(path.read_bytes())
        except OSError as error:
            _log.warning("Spooled events cannot be read from %s: %s", path, error.strerror)
            return
        if not contents.is_ours:
            _log.warning("%s is of another version of the spool; it is left alone", path)
            return
        if contents.damaged_bytes:
            _log.warning("%s was cut: its last %d bytes are no whole event", path, contents.damaged_bytes)
        segment = _Segment(path, len(contents.records))
        self._segments.append(segment)
        if contents.records:
            yield contents.records
        else:
            self._remove(segment)

    def _open(self) -> FileIO:
        if self._file is None:
            path = self._folder / f"{self._name}-{self._count:08}{_SUFFIX}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            # Unbuffered: what is written is in the system's hands, and outlives this process.
            file = FileIO(descriptor, "wb")
            try:
                _write(file, records.HEADER)
            except OSError:
                file.close()
                path.unlink(missing_ok=True)
                raise
            self._count += 1
            self._file = file
            self._segments.append(_Segment(path))
            return file
        return self._file

    def _empty(self, segment: _Segment) -> None:
        if self._file is None or segment is not self._segments[-1]:
            self._remove(segment)
            return
        # The one that is written to goes on: a file made and removed for each batch would cost more than the batch.
        try:
            self._file.truncate(len(records.HEADER))
            self._file.seek(len(records.HEADER))
        except OSError:
            self._remove(segment)

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _remove(self, segment: _Segment) -> None:
        if self._file is not None and segment is self._segments[-1]:
            self._close_file()
        self._segments.remove(segment)
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("Delivered events cannot be removed from %s: %s", segment.path, error.strerror)


def _write(file: FileIO, data: bytes) -> None:
    written = file.write(data)
    if written != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lock_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"


def _is_free(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return False
    return True
