"""Which events a reader wants."""

from __future__ import annotations

from msgspec import Struct

from tracker.events import FACTS, JobStarted, PhotoInfoSent, RecordedEvent
from tracker.messages import JOB_PREFIX, JOBS, PHOTOS, SYSTEM, channels

CHANNELS = (JOBS, PHOTOS, SYSTEM)


class EventFilter(Struct, frozen=True):
    """Events on any of ``channels`` and, where ``types`` is not empty, of one of these types.

    Hashable: subscriptions with equal filters share their frames.
    """

    channels: frozenset[str] = frozenset({JOBS, PHOTOS})
    types: frozenset[str] = frozenset()

    def matches(self, event: RecordedEvent) -> bool:
        """Whether the event passes."""
        if self.types and event.type not in self.types:
            return False
        return not self.channels.isdisjoint(channels(event.type, event.job_id))

    @property
    def job_ids(self) -> frozenset[str]:
        """The jobs that are followed by name."""
        return frozenset(name.removeprefix(JOB_PREFIX) for name in self.channels if name.startswith(JOB_PREFIX))

    @property
    def shared_types(self) -> frozenset[str]:
        """The event types that the channels ``jobs`` and ``photos`` carry for every job."""
        wanted: set[str] = set()
        if JOBS in self.channels:
            wanted |= FACTS.keys() - {PhotoInfoSent.type}
        if PHOTOS in self.channels:
            wanted |= {JobStarted.type, PhotoInfoSent.type}
        return frozenset(wanted)


EVERYTHING = EventFilter()
