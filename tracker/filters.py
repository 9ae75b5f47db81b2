"""Which events a reader wants."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from tracker.errors import InvalidEvent, InvalidQuery
from tracker.events import FACTS, JobStarted, PhotoInfoSent, RecordedEvent
from tracker.json_values import check_identifier
from tracker.messages import JOB_PREFIX, JOBS, PHOTOS, SYSTEM, channels

CHANNELS = (JOBS, PHOTOS, SYSTEM)
MAX_CHANNELS = 1000


class EventFilter(Struct, frozen=True):
    """Events on any of ``channels`` and, where ``types`` is not empty, of one of these types.

    ``job_prefixes``: only of jobs whose id begins with one of these; empty for all. It is what a token is limited to,
    not what its client asked for. Hashable: subscriptions with equal filters share their frames.
    """

    channels: frozenset[str] = frozenset({JOBS, PHOTOS})
    types: frozenset[str] = frozenset()
    job_prefixes: frozenset[str] = frozenset()

    def matches(self, event: RecordedEvent) -> bool:
        """Whether the event passes."""
        if (self.types and event.type not in self.types) or not self.includes(event.job_id):
            return False
        return not self.channels.isdisjoint(channels(event.type, event.job_id))

    def includes(self, job_id: str) -> bool:
        """Whether the job is one of those it is limited to."""
        return not self.job_prefixes or job_id.startswith(tuple(self.job_prefixes))

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
NOTHING = EventFilter(channels=frozenset())


@lru_cache(maxsize=4096)
def shared_filter(
    channels: frozenset[str], types: frozenset[str] = NOTHING.types, job_prefixes: frozenset[str] = NOTHING.job_prefixes
) -> EventFilter:
    """The filter; thousands of clients that want the same keep one between them."""
    return EventFilter(channels=channels, types=types, job_prefixes=job_prefixes)


def check_channels(channels: object) -> frozenset[str]:
    """Demand a list of at most 1,000 channels, else raise :class:`InvalidQuery`."""
    if not isinstance(channels, list) or len(channels) > MAX_CHANNELS:
        raise InvalidQuery("channels", channels, f"must be a list of at most {MAX_CHANNELS} channels")
    for channel in channels:
        if not isinstance(channel, str) or not (channel in CHANNELS or channel.startswith(JOB_PREFIX)):
            raise InvalidQuery("channels", channel, "must be jobs, photos, system or job:<job_id>")
        if channel not in CHANNELS:
            _check_job_id(channel)
    return frozenset(channels)


def check_types(types: object) -> frozenset[str]:
    """Demand a list of event types, else raise :class:`InvalidQuery`."""
    if not isinstance(types, list) or not all(isinstance(name, str) and name in FACTS for name in types):
        raise InvalidQuery("types", types, f"must be a list of event types: {', '.join(FACTS)}")
    return frozenset(types)


def _check_job_id(channel: str) -> None:
    try:
        check_identifier("job_id", channel.removeprefix(JOB_PREFIX))
    except InvalidEvent as error:
        raise InvalidQuery("channels", channel, "must name a job of 1 to 200 printable characters") from error
