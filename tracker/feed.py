"""The committed tail of the log, and the cursors that follow it. Event loop only.

The feed holds the newest commits in a ring. A subscription is a filter and a place: while it is at the tail, the
feed hands it each commit that has something for it, at once and without waiting; while it is behind, it reads pages
(:meth:`Feed.page`) at its own pace, from the ring or from the log, until it joins the tail again. Slow readers hold
nothing and delay nobody.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

from msgspec import Struct

from tracker.errors import StoreUnavailable
from tracker.events import RecordedEvent
from tracker.filters import EVERYTHING, EventFilter
from tracker.messages import JOB_PREFIX, SHARED_CHANNELS, message_texts
from tracker.store.base import LogHead, Reader

PAGE_EVENTS = 1000
PAGE_BYTES = 256 * 1024
PIECE_BYTES = 64 * 1024
_ENVELOPE_BYTES = 150  # about what a message has beside the payload
_ANEW = "all who follow it begin anew."


class LogChanged(StoreUnavailable):
    """The log is not the one that was known: events that were in it are not, or it has another epoch.

    Whoever asks again in a moment finds the feed at the log that there is now.
    """


class StreamedEvent(Struct, frozen=True, gc=False):
    """An event under a filter: ``text`` is its message, with ``prev``."""

    position: int
    text: str


Encode: TypeAlias = Callable[[Sequence[StreamedEvent]], bytes]


class Delivery:
    """What one commit, or one page, has for one filter: complete up to ``last``. Shared by equal filters.

    ``encoded`` keeps a form made by a transport (joined frames), so that it is made once for all its clients.
    """

    __slots__ = ("_encoded", "events", "first", "last")

    def __init__(self, first: int, last: int, events: list[StreamedEvent]) -> None:
        self.first = first
        self.last = last
        self.events = events
        self._encoded: dict[Encode, bytes] = {}

    def encoded(self, encode: Encode) -> bytes:
        """The events as a transport writes them."""
        found = self._encoded.get(encode)
        if found is None:
            found = self._encoded[encode] = encode(self.events)
        return found


class Subscriber(Protocol):
    """One that follows the tail."""

    @property
    def filter(self) -> EventFilter:
        """What it wants; unchanged while it follows."""
        ...

    def offer(self, delivery: Delivery) -> bool:
        """Take a commit, without waiting; False if there is no room: then it is behind, and follows no more."""
        ...


class EventFeed(Protocol):
    """What those who serve clients use of a feed; :class:`Feed`, or a limited face of it. See there."""

    @property
    def epoch(self) -> str:
        """The log that positions are of."""
        ...

    @property
    def tail(self) -> int:
        """The position up to which the feed knows every event."""
        ...

    def narrow(self, wanted: EventFilter) -> EventFilter:
        """The filter as this face allows it: the one to follow with."""
        ...

    def follow(self, subscriber: Subscriber, last: int) -> None:
        """See :meth:`Feed.follow`."""
        ...

    def leave(self, subscriber: Subscriber) -> None:
        """See :meth:`Feed.leave`."""
        ...

    async def page(self, after: int, last: int, wanted: EventFilter) -> Delivery:
        """See :meth:`Feed.page`."""
        ...

    async def head(self) -> LogHead:
        """See :meth:`Feed.head`."""
        ...


class _Group:
    """The subscribers at the tail with one filter. ``last``: position of the last event known to pass it."""

    __slots__ = ("last", "subscribers")

    def __init__(self) -> None:
        self.last = 0
        self.subscribers: set[Subscriber] = set()


class Feed:
    """See the module. ``tail`` is the position up to which the feed knows every event."""

    def __init__(self, reader: Reader, head: LogHead, *, ring_events: int, ring_bytes: int) -> None:
        self._reader = reader
        self.epoch = head.epoch
        self.tail = head.position
        self._ring: deque[RecordedEvent] = deque()
        self._ring_events = ring_events
        self._ring_bytes = ring_bytes
        self._bytes = 0
        self._last: RecordedEvent | None = None  # the event at the tail, where it is known
        self._doubts = self._dispelled = 0
        self._page_events = PAGE_EVENTS
        self._groups: dict[EventFilter, _Group] = {}
        self._by_channel: dict[str, set[EventFilter]] = {}
        self._this_head: asyncio.Task[LogHead] | None = None  # the reading that is on its way, or the last one
        self._next_head: asyncio.Task[LogHead] | None = None  # the one that has not begun

    def advance(self, recorded: list[RecordedEvent]) -> bool:
        """Take the rows of a commit, in order.

        Rows that do not continue the tail are left alone (another node wrote in between): False, and the log is to
        be read from the tail on (:meth:`catch_up`). So it is while there is doubt (:meth:`doubt`).
        """
        if self._doubts != self._dispelled:
            return False
        new = recorded if recorded[0].position == self.tail + 1 else [e for e in recorded if e.position > self.tail]
        if new and (new[0].position != self.tail + 1 or new[-1].position != self.tail + len(new)):
            return False
        self._take(new)
        return True

    def narrow(self, wanted: EventFilter) -> EventFilter:
        """The filter itself: this face is for all of the log."""
        return wanted

    def follow(self, subscriber: Subscriber, last: int) -> None:
        """Follow the tail from here on. ``last``: position of the last event this subscriber knows to pass its filter.

        The subscriber must be complete up to :attr:`tail`; nothing may be awaited between that and this call.
        """
        group = self._groups.get(subscriber.filter)
        if group is None:
            group = self._groups[subscriber.filter] = _Group()
            for channel in subscriber.filter.channels:
                self._by_channel.setdefault(channel, set()).add(subscriber.filter)
        group.subscribers.add(subscriber)
        group.last = max(group.last, last)

    def leave(self, subscriber: Subscriber) -> None:
        """Follow no more; harmless if it does not."""
        group = self._groups.get(subscriber.filter)
        if group is None:
            return
        group.subscribers.discard(subscriber)
        if not group.subscribers:
            del self._groups[subscriber.filter]
            for channel in subscriber.filter.channels:
                self._by_channel[channel].discard(subscriber.filter)
                if not self._by_channel[channel]:
                    del self._by_channel[channel]

    async def page(self, after: int, last: int, wanted: EventFilter) -> Delivery:
        """The next events above ``after``, at most 1,000 of the log; ``last`` is the ``prev`` of the first of them."""
        if self._ring and after >= self._ring[0].position - 1 and after < self.tail:
            return self._ring_page(after, last, wanted)
        # The tail is taken before the log is read: everything up to it is there then. What is above it comes with
        # its own commit, so that no subscriber is ever ahead of the feed.
        tail = self.tail
        most = self._page_events
        events = await self._reader.read(after, most, wanted)
        self._page_events = _page_events(events)
        is_last = len(events) < most or events[-1].position > tail
        known = [event for event in events if event.position <= tail]
        return _page(after, max(tail, after) if is_last else events[-1].position, known, last)

    def doubt(self) -> None:
        """Commits from here on may be of a log that is not the one known: none is taken until it was read."""
        self._doubts += 1

    def begin_anew(self, head: LogHead) -> None:
        """Take another log in the place of the known one: whoever follows, follows no more."""
        self.epoch, self.tail, self._last = head.epoch, head.position, None
        self._ring.clear()
        self._bytes = 0
        self._groups.clear()
        self._by_channel.clear()

    async def catch_up(self) -> None:
        """Read the log from the tail on: something was committed that nobody told the feed of.

        Raises:
            LogChanged: If the log does not have the event at the tail, but another one, or none.
        """
        while await self._read_on():
            pass

    async def look(self) -> None:
        """Do the same, and see besides whether the log has the known epoch.

        Raises:
            LogChanged: As :meth:`catch_up`, and if the log has another epoch.
        """
        await self.head()
        await self.catch_up()

    async def head(self) -> LogHead:
        """The ends of the log now; the feed has reached this head when it returns.

        Who was told of a commit by its acknowledgement, and asks, may be ahead of what the feed was told. All who ask
        while one reading is on its way share the next: it begins after they asked.

        Raises:
            LogChanged: As :meth:`look`.
        """
        if self._next_head is None:
            self._next_head = asyncio.create_task(self._read_head(self._this_head))
            self._next_head.add_done_callback(_retrieved)
        # Shared: one client that leaves meanwhile takes nobody's answer away.
        return await asyncio.shield(self._next_head)

    async def _read_head(self, previous: asyncio.Task[LogHead] | None) -> LogHead:
        if previous is not None:
            await asyncio.wait({previous})
        self._this_head, self._next_head = self._next_head, None
        known, tail = self.epoch, self.tail
        head = await self._reader.head()
        if head.epoch != known:
            raise LogChanged(f"The log has the epoch {head.epoch}, no longer {known}: {_ANEW}")
        if head.position < tail:
            raise _gone_back(tail, f"ends at {head.position}")
        while self.tail < head.position and await self._read_on():
            pass
        return head

    async def _read_on(self) -> bool:
        """Whether there may be more."""
        known, tail, last, doubts = self.epoch, self.tail, self._last, self._doubts
        # With the event at the tail: a log that went back, and on again, has another one there.
        events = await self._reader.read(max(0, tail - 1), PAGE_EVENTS, EVERYTHING)
        await self._demand_known(tail, last, events)
        if self.epoch != known:
            return True
        self._dispelled = doubts
        if self._last is None and self.tail == tail and events:
            self._last = events[0]
        # The log itself has no gaps but those of pruning; a commit may have been told meanwhile.
        self._take([event for event in events if event.position > self.tail])
        return len(events) == PAGE_EVENTS

    async def _demand_known(self, tail: int, last: RecordedEvent | None, events: list[RecordedEvent]) -> None:
        if events and events[0].position == tail:
            if last is not None and last != events[0]:
                raise _gone_back(tail, f"has another event {tail}")
        elif tail and (await self._reader.head()).horizon < tail:
            raise _gone_back(tail, f"has no event {tail}")

    def _ring_page(self, after: int, last: int, wanted: EventFilter) -> Delivery:
        start = bisect_right(self._ring, after, key=lambda event: event.position)
        page = list(islice(self._ring, start, start + PAGE_EVENTS))
        return _page(after, page[-1].position, [event for event in page if wanted.matches(event)], last)

    def _take(self, new: list[RecordedEvent]) -> None:
        if not new:
            return
        first, self.tail = self.tail + 1, new[-1].position
        self._last = new[-1]
        self._keep(new)
        for wanted, events in self._sorted_by_filter(new):
            self._deliver(wanted, first, events)

    def _keep(self, new: list[RecordedEvent]) -> None:
        self._ring.extend(new)
        self._bytes += sum(len(event.payload) for event in new)
        while len(self._ring) > self._ring_events or (self._bytes > self._ring_bytes and self._ring):
            self._bytes -= len(self._ring.popleft().payload)

    def _sorted_by_filter(self, new: list[RecordedEvent]) -> list[tuple[EventFilter, list[RecordedEvent]]]:
        # Costs by matches: a filter that nothing in this commit passes is not even looked at.
        found: dict[EventFilter, list[RecordedEvent]] = {}
        shared: dict[str, set[EventFilter]] = {}
        for event in new:
            wanted_by = shared.get(event.type)
            if wanted_by is None:
                wanted_by = shared[event.type] = self._wanting(event.type, SHARED_CHANNELS[event.type])
            if JOB_PREFIX + event.job_id in self._by_channel:
                wanted_by = wanted_by | self._wanting(event.type, (JOB_PREFIX + event.job_id,))
            for wanted in wanted_by:
                if not wanted.job_prefixes or wanted.includes(event.job_id):
                    found.setdefault(wanted, []).append(event)
        return list(found.items())

    def _wanting(self, event_type: str, channels: tuple[str, ...]) -> set[EventFilter]:
        return {
            wanted
            for channel in channels
            for wanted in self._by_channel.get(channel, ())
            if not wanted.types or event_type in wanted.types
        }

    def _deliver(self, wanted: EventFilter, first: int, events: list[RecordedEvent]) -> None:
        group = self._groups[wanted]
        streamed = _streamed(events, group.last)
        group.last = events[-1].position
        for piece in _pieces(streamed, PIECE_BYTES):
            is_last = piece[-1] is streamed[-1]
            delivery = Delivery(first, self.tail if is_last else piece[-1].position, piece)
            first = delivery.last + 1
            for subscriber in [one for one in group.subscribers if not one.offer(delivery)]:
                self.leave(subscriber)


def _gone_back(tail: int, found: str) -> LogChanged:
    return LogChanged(f"The log went back in time: it was read up to {tail}, and {found}: {_ANEW}")


def _retrieved(reading: asyncio.Task[LogHead]) -> None:
    # Those who asked have the error; where all have left, it is nobody's.
    if not reading.cancelled():
        reading.exception()


def _streamed(events: list[RecordedEvent], last: int) -> list[StreamedEvent]:
    places = [event.position for event in events]
    return list(map(StreamedEvent, places, message_texts(events, last)))


def _pieces(events: list[StreamedEvent], size_limit: int) -> Iterator[list[StreamedEvent]]:
    """The events in pieces of about so many bytes: what a client's buffer is bounded by is a few of these."""
    if events and sum([len(event.text) for event in events]) < size_limit:
        yield events
        return
    piece: list[StreamedEvent] = []
    size = 0
    for event in events:
        piece.append(event)
        size += len(event.text)
        if size >= size_limit:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _page_events(events: list[RecordedEvent]) -> int:
    """How many rows are read for the next page, by the size of these: more than it can have would be read in vain."""
    if not events:
        return PAGE_EVENTS
    size = sum([len(event.payload) for event in events]) + _ENVELOPE_BYTES * len(events)
    return max(10, min(PAGE_EVENTS, PAGE_BYTES * len(events) // size))


def _page(after: int, complete: int, events: list[RecordedEvent], last: int) -> Delivery:
    streamed = _streamed(events, last)
    piece = next(_pieces(streamed, PAGE_BYTES), [])
    is_whole = len(piece) == len(streamed)
    return Delivery(after + 1, complete if is_whole else piece[-1].position, piece)
