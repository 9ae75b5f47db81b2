"""How events lie in a spool file: pure.

A file begins with a line that names the format and its version. A record is the length of its text (4 bytes, big
endian), the CRC-32 of the text, and the text: one event message as JSON. A file that was cut anywhere is read up to
the last whole record. Where its system lost power it may have zeros instead of what was written, the first line too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from msgspec import Struct

HEADER = b"jobreel spool 1\n"
_FRAME = struct.Struct(">II")
_MAX_RECORD_BYTES = 256 * 1024


class Contents(Struct, frozen=True):
    """What was read of a file: whole records, and how many bytes after them are none.

    ``is_ours`` is False for a file of another version, or something else: nothing of it was read.
    """

    records: list[bytes]
    damaged_bytes: int
    is_ours: bool = True


def encode(texts: Sequence[bytes]) -> bytes:
    """The records of texts, to be appended in one write."""
    return b"".join([_FRAME.pack(len(text), zlib.crc32(text)) + text for text in texts])


def decode(data: bytes) -> Contents:
    """The records of a whole file."""
    if not HEADER.startswith(data[: len(HEADER)].rstrip(b"\0")):
        return Contents([], 0, is_ours=False)
    records, place = [], len(HEADER)
    while (record := _record_at(data, place)) is not None:
        records.append(record)
        place += _FRAME.size + len(record)
    # A file that was cut within its first line has no records yet.
    return Contents(records, max(0, len(data) - place))


def _record_at(data: bytes, place: int) -> bytes | None:
    if place + _FRAME.size > len(data):
        return None
    size, checksum = _FRAME.unpack_from(data, place)
    text = data[place + _FRAME.size : place + _FRAME.size + size]
    is_whole = 0 < size <= _MAX_RECORD_BYTES and len(text) == size and zlib.crc32(text) == checksum
    return text if is_whole else None
