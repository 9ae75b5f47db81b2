"""An export as a log: every line checked, then all of it there, or nothing.

An export of the whole log gives that log: its epoch, positions and tombstones, so that cursors go on. One of a part, or
with redacted values, is another log: it gets an epoch of its own and, a part, dense positions. Sequences and times are
those of the file always.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from tracker import export_file, export_format
from tracker.errors import StoreError, TrackerError
from tracker.events import RecordedEvent
from tracker.export_format import DamagedExport, End, Header, PrunedJob
from tracker.store import open_loading
from tracker.store.base import LogHead
from tracker.store.loading import Loading
from tracker.times import microseconds

_LINES_A_STEP = 1000
_Numbered: TypeAlias = tuple[int, bytes]


class Imported(Struct, frozen=True):
    """What was imported: how many events and pruned jobs, and the ends of the new log."""

    events: int
    pruned_jobs: int
    head: LogHead
    whole: bool


def import_file(file: Path, database_url: str) -> Imported:
    """Import an export into a log that does not exist yet, or is empty.

    Raises:
        DamagedExport: If the file is none, or not whole.
        LogNotEmpty: If the log has events.
        StoreOwned: If another process writes the log.
        OSError: If the file cannot be read.
    """
    with export_file.opened(file) as lines:
        first = next(lines, b"")
        header = export_format.read_header(first)
        with open_loading(database_url) as loading:
            return _Reading(header, chain([first], lines)).into(loading)


class _Reading:
    """Reads the lines of one export, and checks them against each other."""

    def __init__(self, header: Header, lines: Iterable[bytes]) -> None:
        self._header = header
        self._lines = _Proven(lines)
        self._position = 0
        self._ends: tuple[int | None, int | None] = (None, None)
        self._events = 0
        self._pruned = 0
        self._horizon = 0

    def into(self, loading: Loading) -> Imported:
        body = iter(self._lines)
        next(body)
        while chunk := list(islice(body, _LINES_A_STEP)):
            self._take(loading, chunk)
        self._check_end()
        head = self._head()
        loading.finish(head)
        return Imported(self._events, self._pruned, head, self._header.whole)

    def _take(self, loading: Loading, chunk: list[_Numbered]) -> None:
        # Pruned jobs stand behind the events.
        count = next((at for at, (_, line) in enumerate(chunk) if _tells_of_pruned(line)), len(chunk))
        events = [self._event(number, line) for number, line in chunk[:count]]
        if events and self._pruned:
            raise DamagedExport("is an event behind the pruned jobs", chunk[0][0])
        try:
            loading.add(events)
        except StoreError:
            raise
        except TrackerError as error:
            raise DamagedExport(str(error), chunk[error.index or 0][0]) from error
        self._bury(loading, chunk[count:])

    def _event(self, number: int, line: bytes) -> RecordedEvent:
        event = export_format.read_event(line, number)
        self._check_position(event.position, number)
        self._events += 1
        self._ends = (self._ends[0] or event.position, event.position)
        self._position = event.position
        return event if self._header.whole else replace(event, position=self._events)

    def _check_position(self, position: int, number: int) -> None:
        header = self._header
        if not self._position < position <= header.position:
            raise DamagedExport(f"position {position} is out of order", number)
        # Of the whole log, only pruned events are missing, and these are not above the horizon.
        if header.whole and position > self._position + 1 and position - 1 > header.horizon:
            raise DamagedExport(f"position {position} follows {self._position}: events are missing", number)

    def _bury(self, loading: Loading, chunk: list[_Numbered]) -> None:
        pruned = [self._pruned_job(number, line) for number, line in chunk]
        try:
            loading.bury([(one.pruned_job, microseconds(one.pruned_at), one.last_position) for one in pruned])
        except StoreError:
            raise
        except TrackerError as error:
            raise DamagedExport(f"a pruned job is there twice, or has events: {error}", chunk[0][0]) from error

    def _pruned_job(self, number: int, line: bytes) -> PrunedJob:
        pruned = export_format.read_pruned(line, number)
        if not self._header.whole or pruned.last_position > self._header.horizon:
            raise DamagedExport("is a pruned job that cannot be in this log", number)
        self._pruned += 1
        self._horizon = max(self._horizon, pruned.last_position)
        return pruned

    def _check_end(self) -> None:
        header, (first, last) = self._header, self._ends
        end = End(
            events=self._events,
            pruned_jobs=self._pruned,
            first_position=first,
            last_position=last,
            sha256=self._lines.sha256,
        )
        if export_format.line_of(end) != self._lines.end:
            raise DamagedExport("the end does not fit what is before it: the file was changed", self._lines.count)
        is_complete = header.position == max(self._position, header.horizon) and self._horizon == header.horizon
        if header.whole and not is_complete:
            raise DamagedExport("the events do not reach the ends of the log in the header", self._lines.count)

    def _head(self) -> LogHead:
        header = self._header
        if not header.whole:
            return LogHead(self._events, 0, uuid.uuid4().hex)
        return LogHead(header.position, header.horizon, header.epoch or uuid.uuid4().hex)


class _Proven:
    """The lines before the last, numbered from 1; behind them ``end`` is the last, ``sha256`` that of the others."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self._digest = sha256()
        self.count = 0
        self.end = b""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[_Numbered]:
        for line in self._lines:
            if self.end:
                raise DamagedExport("stands behind the end of the export", self.count + 1)
            self.count += 1
            if not line.endswith(b"\n"):
                raise DamagedExport("the file is cut short here", self.count)
            if line.startswith(b'{"end":'):
                self.end = line
                continue
            self._digest.update(line)
            yield self.count, line
        if not self.end:
            raise DamagedExport("the file is cut short here: its end is missing", self.count + 1)


def _tells_of_pruned(line: bytes) -> bool:
    return line.startswith(b'{"pruned_job":')
