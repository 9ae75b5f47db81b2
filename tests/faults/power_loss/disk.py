"""What is on a disk for sure, and what a loss of power may leave of the rest.

A sync of a file keeps its content, not its name; a sync of a folder keeps the names in it. That is what POSIX promises,
and less than the common file systems do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.power_loss.trace import Kind, Record

Left = dict[str, bytes | None]
"""What a crash left: the content of each file, None for a folder."""
_SECTOR = 512


@dataclass(slots=True)
class _File:
    """``durable``: what is on the disk for sure; ``pending``: what was done since, and may be, in any part."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)

    def sync(self) -> None:
        for record in self.pending:
            _apply(self.durable, record)
        self.pending.clear()


_Change = dict[str, "_File | _Folder | None"]
"""Names that change at once: two for a renaming, one else. None: there is none of that name any more."""


@dataclass(slots=True)
class _Folder:
    """``names``: as the process sees them; ``durable`` and ``pending`` as those of a file."""

    names: _Change = field(default_factory=dict)
    durable: _Change = field(default_factory=dict)
    pending: list[_Change] = field(default_factory=list)

    def change(self, change: _Change) -> None:
        self.names |= change
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            self.durable |= change
        self.pending.clear()


class Disk:
    """The folder while a trace is replayed. ``lies``: syncs do nothing."""

    def __init__(self, *, lies: bool = False) -> None:
        self._lies = lies
        self._root = _Folder()

    def do(self, record: Record) -> None:
        """What the process did next."""
        match record.kind:
            case Kind.CREATED:
                self._change(record.name, _File())
            case Kind.FOLDER_CREATED:
                self._change(record.name, _Folder())
            case Kind.REMOVED:
                self._change(record.name, None)
            case Kind.RENAMED:
                self._rename(record.name, record.content.decode())
            case Kind.WRITTEN | Kind.TRUNCATED:
                self._file(record.name).pending.append(record)
            case Kind.SYNCED if not self._lies:
                self._file(record.name).sync()
            case Kind.FOLDER_SYNCED if not self._lies:
                self._folder(record.name).sync()

    def after_crash(self, chance: random.Random) -> Left:
        """What a loss of power leaves: what was synced, and of the rest what chance has it."""
        return dict(_left(self._root, "", chance.choice((0.0, 0.1, 0.5, 0.9, 1.0)), chance))

    def _change(self, name: str, to: _File | _Folder | None) -> None:
        folder, _, last = name.rpartition("/")
        self._folder(folder).change({last: to})

    def _rename(self, name: str, to: str) -> None:
        (folder, _, last), (new_folder, _, new_last) = name.rpartition("/"), to.rpartition("/")
        assert folder == new_folder, f"from one folder to another: {name} to {to}"
        names = self._folder(folder).names
        self._folder(folder).change({last: None, new_last: names[last]})

    def _file(self, name: str) -> _File:
        folder, _, last = name.rpartition("/")
        found = self._folder(folder).names[last]
        assert isinstance(found, _File), name
        return found

    def _folder(self, name: str) -> _Folder:
        folder = self._root
        for part in filter(None, name.split("/")):
            found = folder.names[part]
            assert isinstance(found, _Folder), name
            folder = found
        return folder


def _left(folder: _Folder, prefix: str, survives: float, chance: random.Random) -> Iterator[tuple[str, bytes | None]]:
    names = dict(folder.durable)
    # A file system writes down names in the order in which they changed.
    for change in folder.pending[: chance.randint(0, len(folder.pending))]:
        names |= change
    for name, found in names.items():
        if isinstance(found, _File):
            yield prefix + name, _content_left(found, survives, chance)
        elif found is not None:
            yield prefix + name, None
            yield from _left(found, f"{prefix}{name}/", survives, chance)


def _content_left(file: _File, survives: float, chance: random.Random) -> bytes:
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
    """Of a write, the sectors that reached the disk: they lie where the disk has them, not where the write began."""
    start = 0
    while start < len(record.content):
        end = start + _SECTOR - (record.place + start) % _SECTOR
        if chance.random() < 0.5:
            yield Record(Kind.WRITTEN, record.name, record.place + start, record.content[start:end])
        start = end


def _apply(content: bytearray, record: Record) -> None:
    if record.kind is Kind.TRUNCATED:
        del content[record.place :]
        content.extend(bytes(record.place - len(content)))
        return
    content.extend(bytes(max(0, record.place - len(content))))
    content[record.place : record.place + len(record.content)] = record.content
