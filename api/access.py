"""A tracker as one who has limited access sees it: the same faces, each asking first.

Routes and streams get these instead of the tracker's own parts, so that what is added later is limited as well: a
new method of a face that is not here does not exist for a token that is limited, and the type checker says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tracker.errors import JobNotFound, StoreError
from tracker.events import Event, RecordedEvent
from tracker.feed import Delivery, EventFeed, Subscriber
from tracker.filters import EventFilter, shared_filter
from tracker.job_query import JobQuery, Place
from tracker.projection import Job, JobStatus
from tracker.receipt import Receipt
from tracker.recorder import EventRecorder
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.store.base import LogHead, Reader
from tracker.timeline import Step
from tracker.tokens import Access, Forbidden, Token


class LimitedRecorder:
    """See :class:`tracker.recorder.EventRecorder`."""

    def __init__(self, recorder: EventRecorder, access: Access) -> None:
        self._recorder = recorder
        self._access = access

    @property
    def unavailable(self) -> StoreError | None:
        """See :attr:`tracker.recorder.EventRecorder.unavailable`."""
        return self._recorder.unavailable

    def record(self, *events: Event, patient: bool = True) -> Receipt:
        """See :meth:`tracker.recorder.EventRecorder.record`; raises :class:`Forbidden` for what it may not report."""
        self._access.demand("report")
        for index, event in enumerate(events):
            try:
                self._access.demand_job(event.job_id)
            except Forbidden as error:
                error.index = index if len(events) > 1 else None
                raise
        return self._recorder.record(*events, patient=patient)


class LimitedFeed:
    """See :class:`tracker.feed.EventFeed`."""

    def __init__(self, feed: EventFeed, access: Access) -> None:
        self._feed = feed
        self._access = access

    @property
    def epoch(self) -> str:
        """See :attr:`tracker.feed.EventFeed.epoch`."""
        return self._feed.epoch

    @property
    def tail(self) -> int:
        """See :attr:`tracker.feed.EventFeed.tail`."""
        return self._feed.tail

    def narrow(self, wanted: EventFilter) -> EventFilter:
        """See :meth:`tracker.feed.EventFeed.narrow`."""
        self._access.demand("read")
        return _narrowed(wanted, self._access)

    def follow(self, subscriber: Subscriber, last: int) -> None:
        """See :meth:`tracker.feed.EventFeed.follow`."""
        if subscriber.filter != self.narrow(subscriber.filter):
            raise ValueError("A subscriber of limited access follows with a filter that is not narrowed.")
        self._feed.follow(subscriber, last)

    def leave(self, subscriber: Subscriber) -> None:
        """See :meth:`tracker.feed.EventFeed.leave`."""
        self._feed.leave(subscriber)

    async def page(self, after: int, last: int, wanted: EventFilter) -> Delivery:
        """See :meth:`tracker.feed.EventFeed.page`."""
        return await self._feed.page(after, last, self.narrow(wanted))

    async def head(self) -> LogHead:
        """See :meth:`tracker.feed.EventFeed.head`: the ends of the log are nobody's secret."""
        return await self._feed.head()


class LimitedReader:
    """See :class:`tracker.store.base.Reader`. A job that is not to be seen is not there."""

    def __init__(self, reader: Reader, access: Access) -> None:
        self._reader = reader
        self._access = access

    async def head(self) -> LogHead:
        """See :meth:`tracker.store.base.Reader.head`."""
        return await self._reader.head()

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.read`."""
        self._access.demand("read")
        return await self._reader.read(after, limit, _narrowed(wanted, self._access))

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_events`."""
        self._demand_job(job_id)
        return await self._reader.job_events(job_id, after, limit)

    async def job_steps(
        self, job_id: str, after: int, through: int, limit: int, like: str | None = None, every: int = 1
    ) -> Sequence[Step]:
        """See :meth:`tracker.store.base.Reader.job_steps`."""
        self._demand_job(job_id)
        return await self._reader.job_steps(job_id, after, through, limit, like, every)

    async def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Reader.load_job`."""
        self._demand_job(job_id)
        return await self._reader.load_job(job_id)

    async def active_jobs(self) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.active_jobs`."""
        self._access.demand("read")
        return [job for job in await self._reader.active_jobs() if self._access.includes(job.job_id)]

    async def list_jobs(
        self, status: JobStatus | None, before: int | None, limit: int, job_prefixes: frozenset[str] = frozenset()
    ) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.list_jobs`."""
        self._access.demand("read")
        prefixes = _intersection(job_prefixes, self._access.job_prefixes)
        return [] if prefixes is None else await self._reader.list_jobs(status, before, limit, prefixes)

    async def finished_jobs(self, since: int, limit: int, job_prefixes: frozenset[str] = frozenset()) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.finished_jobs`."""
        self._access.demand("read")
        prefixes = _intersection(job_prefixes, self._access.job_prefixes)
        return [] if prefixes is None else await self._reader.finished_jobs(since, limit, prefixes)

    async def statistics(self, query: StatisticsQuery, now: int, position: int | None = None) -> Tally:
        """See :meth:`tracker.store.base.Reader.statistics`: of all jobs, so only for one who may see all."""
        self._access.demand("read")
        if self._access.job_prefixes:
            raise Forbidden(f"The statistics are of all jobs, and the token {self._access.name!r} may not see all.")
        return await self._reader.statistics(query, now, position)

    async def find_jobs(self, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.find_jobs`."""
        allowed = self._narrowed_query(query)
        return [] if allowed is None else await self._reader.find_jobs(allowed, after, limit)

    async def count_jobs(self, query: JobQuery) -> int:
        """See :meth:`tracker.store.base.Reader.count_jobs`."""
        allowed = self._narrowed_query(query)
        return 0 if allowed is None else await self._reader.count_jobs(allowed)

    async def job_life(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_life`."""
        self._demand_job(job_id)
        return await self._reader.job_life(job_id, after, limit)

    async def recorded_at(self, position: int) -> int | None:
        """See :meth:`tracker.store.base.Reader.recorded_at`: of which job the event is, is not told."""
        self._access.demand("read")
        return await self._reader.recorded_at(position)

    async def position_at(self, time: int) -> int:
        """See :meth:`tracker.store.base.Reader.position_at`."""
        self._access.demand("read")
        return await self._reader.position_at(time)

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.prunable_jobs`."""
        self._access.demand("admin")
        return await self._reader.prunable_jobs(finished_before, limit)

    async def tokens(self) -> list[Token]:
        """See :meth:`tracker.store.base.Reader.tokens`."""
        self._access.demand("admin")
        return await self._reader.tokens()

    async def close(self) -> None:
        """Not this one's to close."""

    def _narrowed_query(self, query: JobQuery) -> JobQuery | None:
        self._access.demand("read")
        prefixes = _intersection(query.job_prefixes, self._access.job_prefixes)
        return None if prefixes is None else replace(query, job_prefixes=prefixes)

    def _demand_job(self, job_id: str) -> None:
        self._access.demand("read")
        if not self._access.includes(job_id):
            raise JobNotFound(job_id)


def _narrowed(wanted: EventFilter, access: Access) -> EventFilter:
    if not access.job_prefixes:
        return wanted
    prefixes = _intersection(wanted.job_prefixes, access.job_prefixes)
    if prefixes is None:
        return shared_filter(frozenset(), wanted.types, access.job_prefixes)
    return shared_filter(wanted.channels, wanted.types, prefixes)


def _intersection(wanted: frozenset[str], allowed: frozenset[str]) -> frozenset[str] | None:
    """The prefixes of what both let through, where none means all; None if that is nothing."""
    if not wanted or not allowed:
        return wanted or allowed
    both = frozenset(
        max(one, other, key=len)
        for one in wanted
        for other in allowed
        if one.startswith(other) or other.startswith(one)
    )
    return both or None
