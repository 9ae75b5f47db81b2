"""What a process did to the log's files, as ``recording.c`` wrote it down, and what of that is on the disk for sure."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

_HEADER = struct.Struct("=IIq64s")
_SECTOR = 512


class Kind(IntEnum):
    """As in ``recording.c``."""

    CREATED = 1
    WRITTEN = 2
    TRUNCATED = 3
    SYNCED = 4
    FOLDER_SYNCED = 5
    REMOVED = 6
    MARKED = 7


@dataclass(frozen=True, slots=True)
class Record:
    """``place``: where it was written, the size it was cut to, or the position that was acknowledged."""

    kind: Kind
    name: str
    place: int
    content: bytes


def records(path: Path) -> Iterator[Record]:
    """The records of a trace, in their order."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        kind, length, place, name = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        yield Record(Kind(kind), name.rstrip(b"\0").decode(), place, data[at : at + length])
        at += length


@dataclass(slots=True)
class _File:
    """``durable``: what is on the disk for sure; ``pending``: what was done since, and may be, in any part."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)


class Disk:
    """The files of the folder while a trace is replayed. ``lies``: syncs do nothing."""

    def __init__(self, *, lies: bool = False) -> None:
        self._lies = lies
        self._names: dict[str, _File] = {}  # as the process sees them
        self._durable_names: dict[str, _File] = {}
        self._pending_names: list[tuple[str, _File | None]] = []

    def do(self, record: Record) -> None:
        """What the process did next."""
        match record.kind:
            case Kind.CREATED:
                self._name(record.name, _File())
            case Kind.REMOVED:
                self._name(record.name, None)
            case Kind.WRITTEN | Kind.TRUNCATED:
                self._names[record.name].pending.append(record)
            case Kind.SYNCED if not self._lies:
                self._sync(self._names[record.name])
            case Kind.FOLDER_SYNCED if not self._lies:
                _rename(self._durable_names, self._pending_names)
                self._pending_names.clear()

    @property
    def is_settled(self) -> bool:
        """Whether a crash leaves nothing to chance."""
        return not self._pending_names and not any(file.pending for file in self._names.values())

    def after_crash(self, chance: random.Random) -> dict[str, bytes]:
        """The files that a loss of power leaves: what was synced, and of the rest what chance has it."""
        names = dict(self._durable_names)
        # A file system writes down names in the order in which they changed.
        _rename(names, self._pending_names[: chance.randint(0, len(self._pending_names))])
        survives = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        return {name: _left(file, survives, chance) for name, file in names.items()}

    def _name(self, name: str, file: _File | None) -> None:
        change = (name, file)
        self._pending_names.append(change)
        _rename(self._names, [change])

    @staticmethod
    def _sync(file: _File) -> None:
        for record in file.pending:
            _apply(file.durable, record)
        file.pending.clear()


def _rename(names: dict[str, _File], changes: list[tuple[str, _File | None]]) -> None:
    for name, file in changes:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


def _left(file: _File, survives: float, chance: random.Random) -> bytes:
    content = bytearray(file.durable)
    pending = [record for record in file.pending if chance.random() < survives]
    if chance.random() < 0.5:
        chance.shuffle(pending)
    is_torn = chance.random() < 0.5
    for record in pending:
        for part in _torn(record, chance) if is_torn and record.kind is Kind.WRITTEN else [record]:
            _apply(content, part)
    return bytes(content)


def _torn(record: Record, chance: random.Random) -> Iterator[Record]:
    """Of a write, the sectors that reached the disk."""
    for start in range(0, len(record.content), _SECTOR):
        if chance.random() < 0.5:
            part = record.content[start : start + _SECTOR]
            yield Record(Kind.WRITTEN, record.name, record.place + start, part)


def _apply(content: bytearray, record: Record) -> None:
    if record.kind is Kind.TRUNCATED:
        del content[record.place :]
        content.extend(bytes(record.place - len(content)))
        return
    content.extend(bytes(max(0, record.place - len(content))))
    content[record.place : record.place + len(record.content)] = record.content
