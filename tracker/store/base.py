"""The contract of a store: one log with two faces.

The *writer* is synchronous and belongs to one thread, the recorder's. The *reader* is asynchronous, read-only, and
belongs to the event loop. Neither knows of the other; both see only what is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from msgspec import Struct

from tracker.errors import TrackerError
from tracker.events import Event, RecordedEvent
from tracker.filters import EventFilter
from tracker.job_query import JobQuery, Place
from tracker.projection import Job, JobStatus
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.timeline import Step
from tracker.tokens import Token

PAGE_LIMIT = 1000


class Append(Struct, frozen=True, gc=False):
    """Events to record together: all of them or, when one is refused, none. ``accepted_at`` in microseconds UTC."""

    events: tuple[Event, ...]
    accepted_at: int


Outcome: TypeAlias = tuple[RecordedEvent, ...] | TrackerError


class Committed(Struct, frozen=True):
    """What a commit did.

    ``recorded`` are the new rows, contiguous and in order of position; ``outcomes`` answers each :class:`Append` in
    turn: the recorded events (for a repeated event, its first recording), or why it was refused.
    """

    recorded: list[RecordedEvent]
    outcomes: list[Outcome]


Tombstone: TypeAlias = tuple[str, int, int]
"""A pruned job: its id, when it was pruned (microseconds UTC), and the position of its last event."""


class LogHead(Struct, frozen=True):
    """The ends of the log: the last ``position``, the highest pruned one (``horizon``), and its ``epoch``."""

    position: int
    horizon: int
    epoch: str


class Pruned(Struct, frozen=True):
    """What a step of pruning removed. ``done``: nothing more is due."""

    jobs: int
    events: int
    done: bool


class Writer(Protocol):
    """The log's one writer. Not thread-safe: the recorder's thread only."""

    @property
    def connections(self) -> int:
        """How many it has had to a log that may be another one behind the next; 0 where it stays the same."""
        ...

    def append(self, appends: Sequence[Append]) -> Committed:
        """Record in one transaction; when this returns, the events are durable.

        Raises:
            StoreUnavailable: If nothing, or not certainly anything, was committed: call :meth:`settle`.
        """
        ...

    def settle(self) -> Committed | None:
        """After a failed :meth:`append`: reopen the log and say what it committed after all, if anything."""
        ...

    def head(self) -> LogHead:
        """The ends of the log."""
        ...

    def load_job(self, job_id: str) -> Job:
        """The job, or :class:`JobNotFound`, :class:`JobPruned`."""
        ...

    def active_jobs(self) -> list[Job]:
        """Every unfinished job, in the order they started."""
        ...

    def finished_jobs(self, since: int, limit: int) -> list[Job]:
        """The last jobs that ended well, at ``since`` (microseconds UTC) or later, newest first."""
        ...

    def read(self, after: int, limit: int) -> list[RecordedEvent]:
        """A page of the log, in order of position."""
        ...

    def newest_before(self, time: int) -> int | None:
        """When the newest event that is not later than ``time`` was recorded, if there is one; microseconds UTC."""
        ...

    def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
        """One bounded step of removing whole jobs that finished before that time (microseconds UTC)."""
        ...

    def give_back(self, max_pages: int) -> int:
        """One bounded step of giving room that pruning left back to the disk; returns how many pages it gave.

        Fewer than ``max_pages``: there is no more to give.
        """
        ...

    def begin_epoch(self, instead_of: str | None = None) -> LogHead:
        """Give the log another epoch, as its history is not what its readers know: all of them begin anew.

        ``instead_of``: only if it still has this one. Nodes that share the log learn of it within a second; a SQLite
        file's owner, only at its start.
        """
        ...

    def rebuild(self) -> int:
        """Fold the whole log into ``jobs`` anew, in one transaction; returns how many jobs there are."""
        ...

    def close(self) -> None:
        """Close the connection and give up ownership."""
        ...


class Reader(Protocol):
    """The log's readers. Event loop only."""

    async def head(self) -> LogHead:
        """The ends of the log."""
        ...

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        """The first ``limit`` events above position ``after`` that pass the filter, in order of position."""
        ...

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """The same for one job; ``after`` is a position."""
        ...

    async def job_steps(
        self, job_id: str, after: int, through: int, limit: int, like: str | None = None, every: int = 1
    ) -> Sequence[Step]:
        """What a timeline needs of one job's events above ``sequence`` ``after``, up to ``through``; at most ``limit``.

        In order. Of the progress events in the stage of one with the payload ``like``, only those whose sequence
        ``every`` divides.
        """
        ...

    async def load_job(self, job_id: str) -> Job:
        """The job, or :class:`JobNotFound`, :class:`JobPruned`."""
        ...

    async def active_jobs(self) -> list[Job]:
        """Every unfinished job, in the order they started."""
        ...

    async def list_jobs(
        self, status: JobStatus | None, before: int | None, limit: int, job_prefixes: frozenset[str] = frozenset()
    ) -> list[Job]:
        """Jobs, newest first; ``before`` is the ``started_position`` of the last one seen (exclusive).

        ``job_prefixes``: only those whose id begins with one of these; empty for all.
        """
        ...

    async def finished_jobs(self, since: int, limit: int, job_prefixes: frozenset[str] = frozenset()) -> list[Job]:
        """The last jobs that ended well, at ``since`` (microseconds UTC) or later, newest first."""
        ...

    async def statistics(self, query: StatisticsQuery, now: int, position: int | None = None) -> Tally:
        """What the log counted up to a ``position``, None for its end; the query's ``as_of`` is not looked at.

        ``now``, in microseconds UTC, is where a window without an end ends.

        Raises:
            InvalidQuery: If the position is below the horizon, or too far back.
        """
        ...

    async def find_jobs(self, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
        """The first ``limit`` jobs behind ``after`` that pass the query's filters, in its order.

        With ``as_of``: as they are now, of those that had started then. Of the ones that have changed since, only the
        filters on what never changes are applied: see :func:`tracker.time_travel.jobs_at`.
        """
        ...

    async def count_jobs(self, query: JobQuery) -> int:
        """How many jobs pass the query's filters."""
        ...

    async def job_life(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """The job's first ``limit`` events above ``sequence`` ``after``, in order."""
        ...

    async def recorded_at(self, position: int) -> int | None:
        """When the last event up to ``position`` was recorded, in microseconds UTC; None if there is none."""
        ...

    async def position_at(self, time: int) -> int:
        """Where the log passed a time (microseconds UTC): see :func:`tracker.time_travel.find_moment`."""
        ...

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        """Finished jobs that the retention policy would remove, the longest finished first."""
        ...

    async def tokens(self) -> list[Token]:
        """Every token, in the order they were made."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class EventStore(Protocol):
    """An open log."""

    @property
    def writer(self) -> Writer:
        """The writing face."""
        ...

    def reader(self) -> Reader:
        """A new reading face; the caller closes it."""
        ...

    def doorbell(self, ring: Callable[[int | None], None]) -> AbstractAsyncContextManager[None]:
        """Be told, on the event loop and until the end of the context, of what others commit to the log.

        ``ring`` is called with the position of a commit, and at least once a second with None: something may have been
        committed. Where there is one writer it is never called.
        """
        ...

    def write_ahead_bytes(self) -> int | None:
        """Bytes of the write-ahead log beside the file; None where there is no file. Any thread."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes that are left where the file is; None where there is no file. Any thread."""
        ...

    def announce(self, url: str | None) -> None:
        """Note where this log is served, for the error that a second process gets."""
        ...

    def close(self) -> None:
        """Close the writer and give up the log. Readers are closed by who opened them."""
        ...
