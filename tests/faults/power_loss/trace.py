"""What a process did to a folder and what is in it, as ``recording.c`` wrote it down."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_HEADER = struct.Struct("=IIq128s")


class Kind(IntEnum):
    """As in ``recording.c``."""

    CREATED = 1
    FOLDER_CREATED = 2
    WRITTEN = 3
    TRUNCATED = 4
    SYNCED = 5
    FOLDER_SYNCED = 6
    RENAMED = 7
    REMOVED = 8
    MARKED = 9


@dataclass(frozen=True, slots=True)
class Record:
    """``name``: of the file, from the folder on; of a mark, what was promised something.

    ``place``: where it was written, the size it was cut to, the number of the mark. ``content``: what was written, or
    the new name.
    """

    kind: Kind
    name: str
    place: int = 0
    content: bytes = b""


def records(path: Path) -> Iterator[Record]:
    """The records of a trace, in their order."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        kind, length, place, name = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        yield Record(Kind(kind), name.rstrip(b"\0").decode(), place, data[at : at + length])
        at += length
