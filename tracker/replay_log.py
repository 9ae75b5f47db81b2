"""The part of the log that a replay plays: found once, when it starts, and read page by page, one ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.events import RecordedEvent
from tracker.filters import EVERYTHING
from tracker.replay import Moment, Place
from tracker.replay_request import ReplayRequest
from tracker.store.base import LogHead, Reader
from tracker.times import MICROSECONDS

PAGE_EVENTS = 100
PAGE_BYTES = 128 * 1024


class Extent(Struct, frozen=True, kw_only=True):
    """The events above ``after``, up to and with ``end`` (positions): of one job, or of all.

    ``first`` and ``last`` are the events at both ends; None if there are none. What is recorded later is not in it.
    """

    job_id: str | None
    after: int
    end: int
    first: RecordedEvent | None
    last: RecordedEvent | None
    head: LogHead

    @property
    def seconds(self) -> float:
        """From the first event to the last, as it happened; 0 where the clock was set back."""
        if self.first is None or self.last is None:
            return 0.0
        return max(0, self.last.recorded_at - self.first.recorded_at) / MICROSECONDS

    def count(self, *, is_whole: bool) -> int | None:
        """How many events there are; None where that is not known without counting them.

        ``is_whole``: whoever asks may see every job.
        """
        if self.first is None or self.last is None:
            return 0
        if self.job_id is not None:
            return self.last.sequence - self.first.sequence + 1
        # Positions are dense until something is pruned.
        is_dense = is_whole and self.head.horizon < self.first.position
        return self.last.position - self.first.position + 1 if is_dense else None


async def find_extent(reader: Reader, request: ReplayRequest, now: int) -> Extent:
    """What a request means in this log, at this moment (``now`` in microseconds UTC).

    Times are looked for as if the log's clock had never been set back.

    Raises:
        InvalidQuery: If a place is beyond the head of the log, or in the future.
        JobNotFound, JobPruned: If the job is not there, or no longer.
        Forbidden: If whoever asks may not read.
    """
    head = await reader.head()
    end = head.position if request.job_id is None else (await reader.load_job(request.job_id)).position
    for field in ("after", "since", "until"):
        _demand_within(field, getattr(request, field), head, now)
    log = _Search(reader, request.job_id)
    after = max(request.after or 0, await log.before(request.since, 0, end))
    end = await log.last(await log.before(_behind(request.until), after, end, default=end), after)
    first = await log.next(after) if end > after else None
    last = await log.next(end - 1) if first is not None else None
    return Extent(job_id=request.job_id, after=after, end=end, first=first, last=last, head=head)


def _behind(place: Place | None) -> Place | None:
    """The next place: what is to have the event at ``place`` itself ends before that."""
    match place:
        case Moment(at=at):
            return Moment(at + 1)
        case int():
            return place + 1
    return None


async def place_before(reader: Reader, extent: Extent, to: Place) -> int:
    """The position after which a replay goes on, to have the event at or after ``to`` as its next.

    Raises:
        InvalidQuery: If that is before the first or after the last event.
    """
    if extent.first is None or extent.last is None:
        raise InvalidQuery.of("to", "this replay has no events")
    first, last = extent.first, extent.last
    is_within = (
        first.recorded_at <= to.at <= last.recorded_at
        if isinstance(to, Moment)
        else first.position <= to <= last.position
    )
    if not is_within:
        positions = f"{first.position} to {last.position}"
        raise InvalidQuery.of("to", f"is outside the replay, which has the positions {positions}")
    return await _Search(reader, extent.job_id).before(to, extent.after, extent.end)


class Pages:
    """The events of an extent in order, of which the next page is read while one is played. Event loop only.

    Holds two pages at most, each of about 128 KiB.
    """

    def __init__(self, reader: Reader, extent: Extent) -> None:
        self._log = _Search(reader, extent.job_id)
        self._end = extent.end
        self._size = PAGE_EVENTS
        self._events: deque[RecordedEvent] = deque()
        self._after = extent.after  # what was read: everything up to here
        self._reading: asyncio.Task[list[RecordedEvent]] | None = None

    def restart(self, after: int) -> None:
        """Go on after another position."""
        self.close()
        self._events.clear()
        self._after = after
        self._reading = None

    @property
    def first(self) -> RecordedEvent | None:
        """The next event; None if it is not here yet, or there is none."""
        return self._events[0] if self._events else None

    def take(self) -> RecordedEvent:
        """Remove the next event, which must be here."""
        return self._events.popleft()

    async def next(self) -> RecordedEvent | None:
        """The next event, which is not removed; None at the end. Also while :meth:`restart` is called.

        Raises:
            TrackerError: If the log cannot be read.
        """
        while not self._events:
            reading = self._reading or self._read()
            if reading is None:
                return None
            await asyncio.wait({reading})
            if reading is self._reading:
                self._turn(reading.result())
        return self._events[0]

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    def _turn(self, page: list[RecordedEvent]) -> None:
        self._after = page[-1].position if page else self._end
        self._events.extend(event for event in page if event.position <= self._end)
        # A page of few large events is followed by one of few: it is held in memory twice.
        size = sum(len(event.payload) for event in page)
        self._size = max(1, min(PAGE_EVENTS, PAGE_BYTES * len(page) // size)) if size else PAGE_EVENTS
        self._reading = None
        self._read()

    def _read(self) -> asyncio.Task[list[RecordedEvent]] | None:
        if self._after < self._end:
            self._reading = asyncio.create_task(self._log.page(self._after, self._size))
            self._reading.add_done_callback(_retrieved)
        return self._reading


class _Search:
    """A job's events, or all, as one list in which a place is found by halving."""

    def __init__(self, reader: Reader, job_id: str | None) -> None:
        self._reader = reader
        self._job_id = job_id

    async def page(self, after: int, limit: int) -> list[RecordedEvent]:
        if self._job_id is not None:
            return await self._reader.job_events(self._job_id, after, limit)
        return await self._reader.read(after, limit, EVERYTHING)

    async def next(self, after: int) -> RecordedEvent | None:
        return next(iter(await self.page(after, 1)), None)

    async def before(self, place: Place | None, low: int, high: int, default: int | None = None) -> int:
        """The lowest position, from ``low`` to ``high``, after which everything is at or behind the place.

        Without a place: ``default``, else ``low``.
        """
        match place:
            case Moment(at=at):
                return await self._halve(low, high, lambda event: event.recorded_at >= at)
            case int():
                return min(max(low, place - 1), high)
        return low if default is None else default

    async def last(self, end: int, after: int) -> int:
        """The position of the last event above ``after`` and up to ``end``; ``after`` if there is none."""
        if end > after and (event := await self.next(end - 1)) and event.position == end:
            return end
        return await self._halve(after, end, lambda event: event.position > end)

    async def _halve(self, low: int, high: int, is_behind: Callable[[RecordedEvent], bool]) -> int:
        while low < high:
            middle = (low + high) // 2
            event = await self.next(middle)
            if event is None or event.position > high or is_behind(event):
                high = middle
            else:
                low = event.position
        return low


def _demand_within(field: str, place: Place | None, head: LogHead, now: int) -> None:
    if isinstance(place, Moment):
        if field == "since" and place.at > now:
            raise InvalidQuery.of(field, "is in the future: nothing was recorded then")
    elif place is not None and place > head.position:
        raise InvalidQuery(field, place, f"is beyond the head of the log, {head.position}")


def _retrieved(reading: asyncio.Task[list[RecordedEvent]]) -> None:
    # Read ahead for nobody: the replay was stopped, or went elsewhere.
    if not reading.cancelled():
        reading.exception()
