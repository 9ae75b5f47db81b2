"""A log in memory with a real feed on it."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.builders import NOON
from tracker.events import RecordedEvent
from tracker.feed import Feed
from tracker.filters import EventFilter
from tracker.store.base import LogHead, Reader

JOBS = EventFilter(channels=frozenset({"jobs"}))
PHOTOS = EventFilter(channels=frozenset({"photos"}))


def event(position: int, kind: str = "job_progress", job_id: str = "j") -> RecordedEvent:
    return RecordedEvent(position, job_id, position, kind, NOON, None, '{"photo_id":1}')


class Log:
    """``commit_while_reading``: what is committed while one page after the other is read."""

    def __init__(self, count: int = 0, ring_events: int = 1) -> None:
        self.events = [event(position) for position in range(1, count + 1)]
        self.pages = 0
        self.commit_while_reading: list[list[RecordedEvent]] = []
        self.feed = Feed(cast("Reader", self), LogHead(count, 0, "e"), ring_events=ring_events, ring_bytes=10**9)

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        self.pages += 1
        page = [event for event in self.events if event.position > after and wanted.matches(event)][:limit]
        if self.commit_while_reading:
            self.commit(*self.commit_while_reading.pop(0))
        await asyncio.sleep(0)
        return page

    def commit(self, *events: RecordedEvent) -> None:
        self.events.extend(events)
        assert self.feed.advance(list(events))

    def commit_next(self, count: int = 1, kind: str = "job_progress", job_id: str = "j") -> None:
        head = self.feed.tail
        self.commit(*[event(head + place, kind, job_id) for place in range(1, count + 1)])
