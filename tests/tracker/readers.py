"""A log that a feed reads and is told of, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tracker.errors import JobNotFound
from tracker.events import RecordedEvent
from tracker.feed import Feed
from tracker.filters import EventFilter
from tracker.job_query import JobQuery, Place
from tracker.projection import Job, JobStatus
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.store.base import LogHead
from tracker.timeline import Step
from tracker.tokens import Token


class MemoryReader:
    """A :class:`tracker.store.base.Reader` on a list; ``pages`` notes from where pages were read.

    While ``gate`` is given, the head is read only when it is set.
    """

    def __init__(self) -> None:
        self.rows: list[RecordedEvent] = []
        self.pages: list[int] = []
        self.before_read: Callable[[], None] | None = None
        self.heads = 0
        self.gate: asyncio.Event | None = None

    def now(self) -> LogHead:
        return LogHead(self.rows[-1].position if self.rows else 0, 0, "epoch")

    async def head(self) -> LogHead:
        self.heads += 1
        head = self.now()
        if self.gate is not None:
            await self.gate.wait()
        return head

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        self.pages.append(after)
        before, self.before_read = self.before_read, None
        if before is not None:
            before()
        await asyncio.sleep(0)
        return [row for row in self.rows if row.position > after and wanted.matches(row)][:limit]

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        return await self.read(after, limit, EventFilter(frozenset({f"job:{job_id}"})))

    async def job_steps(
        self, job_id: str, after: int, through: int, limit: int, like: str | None = None, every: int = 1
    ) -> list[Step]:
        raise NotImplementedError

    async def load_job(self, job_id: str) -> Job:
        raise JobNotFound(job_id)

    async def active_jobs(self) -> list[Job]:
        return []

    async def list_jobs(
        self, status: JobStatus | None, before: int | None, limit: int, job_prefixes: frozenset[str] = frozenset()
    ) -> list[Job]:
        return []

    async def find_jobs(self, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
        raise NotImplementedError

    async def count_jobs(self, query: JobQuery) -> int:
        raise NotImplementedError

    async def job_life(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        raise NotImplementedError

    async def recorded_at(self, position: int) -> int | None:
        raise NotImplementedError

    async def position_at(self, time: int) -> int:
        raise NotImplementedError

    async def tokens(self) -> list[Token]:
        return []

    async def finished_jobs(self, since: int, limit: int, job_prefixes: frozenset[str] = frozenset()) -> list[Job]:
        raise NotImplementedError

    async def statistics(self, query: StatisticsQuery, now: int, position: int | None = None) -> Tally:
        raise NotImplementedError

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        return []

    async def close(self) -> None:
        pass


class FollowedLog:
    """Rows that are written one after another, and a feed that is told of them."""

    def __init__(
        self, rows: list[RecordedEvent], *, known: int = 0, ring_events: int = 1000, ring_bytes: int = 10**7
    ) -> None:
        self.rows = rows
        self.reader = MemoryReader()
        self.write(known)
        self.feed = Feed(self.reader, self.reader.now(), ring_events=ring_events, ring_bytes=ring_bytes)

    def write(self, head: int) -> list[RecordedEvent]:
        """Write the rows up to ``head``, telling nobody."""
        new = self.rows[self.reader.now().position : head]
        self.reader.rows.extend(new)
        return new

    def commit(self, head: int) -> None:
        """Write the rows up to ``head`` and tell the feed."""
        new = self.write(head)
        assert self.feed.advance(new)

    def prune(self, *positions: int) -> None:
        """Remove rows."""
        self.reader.rows = [row for row in self.reader.rows if row.position not in positions]
