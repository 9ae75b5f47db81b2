"""The file of an export: written beside its name and given it when whole, read line by line, compressed or not."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from tracker import durable_names
from tracker.export_format import MAX_LINE_BYTES, DamagedExport

if TYPE_CHECKING:
    from types import ModuleType

COMPRESSED_SUFFIX = ".zst"
_MAGIC = b"\x28\xb5\x2f\xfd"
_BUFFER_BYTES = 256 * 1024


def write(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file, compressed where its name ends in ``.zst``; it is there whole and durable, or not at all.

    Raises:
        OSError: If it cannot be written. What was there under the name stays.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb", buffering=_BUFFER_BYTES) as file:
            _write_lines(file, lines, is_compressed=path.name.endswith(COMPRESSED_SUFFIX))
            file.flush()
            os.fsync(file.fileno())
        durable_names.rename(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_lines(file: BinaryIO, lines: Iterable[bytes], *, is_compressed: bool) -> None:
    if not is_compressed:
        file.writelines(lines)
        return
    zstd = _zstd()
    # The checksum: what is damaged is seen where it is, before it is taken for text.
    with zstd.open(file, "wb", options={zstd.CompressionParameter.checksum_flag: 1}) as compressed:
        compressed.writelines(lines)


@contextmanager
def opened(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a file, each with its end; compressed or not, whatever its name.

    Raises:
        OSError: If it cannot be read.
        DamagedExport: If a line is too long, or the compressed text is cut or damaged.
    """
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        start = file.read(len(_MAGIC))
        file.seek(0)
        if start != _MAGIC:
            yield _lines(file)
            return
        with _zstd().open(file, "rb") as text:
            yield _decompressed_lines(text)


def _decompressed_lines(text: IO[bytes]) -> Iterator[bytes]:
    number = 0
    try:
        for line in _lines(text):
            number += 1
            yield line
    except EOFError as error:
        raise DamagedExport("the compressed file is cut short here", number + 1) from error
    except _zstd().ZstdError as error:
        raise DamagedExport("the compressed file is damaged here", number + 1) from error


def _lines(text: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while line := text.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise DamagedExport(f"is longer than {MAX_LINE_BYTES} bytes", number)
        yield line


def _zstd() -> ModuleType:
    # Only where something is compressed: nobody else waits for it to load.
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
