"""A photo's bytes: read once, hashed on the way, from regular files only."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from api.demo.errors import PhotoProblem

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
# Opening a FIFO would wait for a writer for ever; non-blocking covers a file swapped after the check.
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a photo; ``sha256`` is in hexadecimal. Hash and picture come from the same read."""

    data: bytes
    sha256: str


def read_source(path: Path, on_read: Callable[[int, int], None]) -> Source:
    """Read a whole photo; ``on_read`` gets the bytes so far and the size, after each chunk of 1 MiB.

    Raises:
        PhotoProblem: ``missing_file``, ``not_a_file``, ``unreadable_file``, ``empty_file`` or ``too_large``.
    """
    try:
        _check_kind(path.stat())
        with os.fdopen(os.open(path, _OPEN_FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            _check_kind(status)
            return _read(file, status.st_size, on_read)
    except OSError as error:
        raise _problem(path, error) from error


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise PhotoProblem("not_a_file", f"This is {kind}, not a file.", kind=kind)
    if status.st_size > MAX_FILE_BYTES:
        raise _too_large(status.st_size)


def _read(file: BinaryIO, size: int, on_read: Callable[[int, int], None]) -> Source:
    digest, chunks, read = hashlib.sha256(), list[bytes](), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        chunks.append(chunk)
        read += len(chunk)
        if read > MAX_FILE_BYTES:
            raise _too_large(read)
        on_read(read, max(size, read))
    if not read:
        raise PhotoProblem("empty_file", "The file is empty (0 bytes).")
    return Source(b"".join(chunks), digest.hexdigest())


def _too_large(size: int) -> PhotoProblem:
    limit = MAX_FILE_BYTES // 1024**2
    return PhotoProblem("too_large", f"The file is larger than {limit} MiB.", file_size=size)


def _problem(path: Path, error: OSError) -> PhotoProblem:
    match error.errno:
        case errno.ENOENT if path.is_symlink():
            return PhotoProblem("missing_file", "This is a link to a file that does not exist.")
        case errno.ENOENT:
            return PhotoProblem("missing_file", "The file is gone.")
        case errno.ELOOP:
            return PhotoProblem("not_a_file", "This is a link that leads back to itself.")
        case errno.EACCES | errno.EPERM:
            return PhotoProblem("unreadable_file", "There is no permission to read the file.")
        case _:
            reason = error.strerror or type(error).__name__
            return PhotoProblem("unreadable_file", f"The file cannot be read: {reason}.")
