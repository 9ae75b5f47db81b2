"""A log copied into another database: positions, epoch, jobs and tombstones as they are, so that cursors go on.

It goes step by step, each a transaction: a copy that was cut short goes on where it was. At the end both logs are read,
and the export of the one must be that of the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile, islice
from typing import TypeVar

import msgspec
from msgspec import Struct

from tracker.errors import TrackerError
from tracker.export_format import End
from tracker.exporting import Export, Selection
from tracker.store import open_loading, open_snapshot
from tracker.store.base import LogHead
from tracker.store.snapshot import Snapshot

_EVENTS_A_STEP = 20_000
_EVENTS_AT_ONCE = 1000
_T = TypeVar("_T")


class CopyDiffers(TrackerError):
    """What is in the new database is not the log: somebody wrote there, or the log was pruned between two attempts."""

    code = "copy_differs"

    def __init__(self) -> None:
        super().__init__(
            "The copy is not the log: something else was written there, or the log was pruned since it was begun. "
            "Copy into an empty database."
        )


class Copied(Struct, frozen=True):
    """``events`` of the log, of which ``resumed`` were there from an earlier attempt; ``sha256`` of its export."""

    events: int
    resumed: int
    pruned_jobs: int
    head: LogHead
    sha256: str


def copy_log(source: str, target: str, told: Callable[[int, int], None] = lambda _done, _of: None) -> Copied:
    """Copy the log at a database URL into another one that is empty, or has the beginning of the same copy.

    The log may be in use; what is in it when this begins is copied. ``told`` is called after each step with the
    position that the copy has reached, and the one it will.

    Raises:
        CopyDiffers: If the result is not what the log is.
        LogNotEmpty: If the target has another log.
        StoreError: If one of the two cannot be opened, read or written; copy again to go on.
    """
    with open_snapshot(source) as log:
        copied = _copy_events(log, target, told)
        _copy_ends(log, target)
        end = _end(log)
        with open_snapshot(target) as copy:
            if (copy.head, _end(copy)) != (log.head, end):
                raise CopyDiffers
        return Copied(end.events, end.events - copied, end.pruned_jobs, log.head, end.sha256)


def _copy_events(log: Snapshot, target: str, told: Callable[[int, int], None]) -> int:
    """Those that are not there yet; returns how many these were."""
    with open_loading(target, resumes=log.head.epoch) as loading:
        begun = loading.head().position
    missing = dropwhile(lambda event: event.position <= begun, log.events((), 1, log.head.position))
    copied = 0
    for step in _chunks(missing, _EVENTS_A_STEP):
        with open_loading(target, resumes=log.head.epoch) as loading:
            for events in _chunks(step, _EVENTS_AT_ONCE):
                loading.add(events)
            reached = step[-1].position
            loading.finish(LogHead(reached, 0, log.head.epoch))
        copied += len(step)
        told(reached, log.head.position)
    return copied


def _copy_ends(log: Snapshot, target: str) -> None:
    with open_loading(target, resumes=log.head.epoch) as loading:
        if loading.head() != log.head:
            for pruned in _chunks(log.tombstones(), _EVENTS_AT_ONCE):
                loading.bury(loading.unburied(pruned))
            loading.finish(log.head)


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _end(log: Snapshot) -> End:
    (last,) = deque(Export(log, Selection()).lines(), maxlen=1)
    return msgspec.json.decode(last, type=End)
