"""The receipt of a call that reports to a server: it says how far the event has come."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from tracker.errors import TrackerError
from tracker.events import Event, RecordedEvent
from tracker.receipt import Receipt
from tracker.remote.answers import Place
from tracker.times import microseconds

# The events of a batch have one time.
_microseconds = lru_cache(maxsize=16)(microseconds)
Promise: TypeAlias = Literal["queued", "spooled", "durable", "refused"]


class RemoteReceipt(Receipt):
    """See :class:`tracker.receipt.Receipt`; ``wait()`` waits until the server has the event on its disk.

    Meanwhile :attr:`promise` says what holds: ``queued`` lives as long as this process does, ``spooled`` also when it
    is killed, and is delivered by the next reporter on this machine.
    """

    __slots__ = ("accepted_at", "event", "is_spooled", "size", "text")

    def __init__(self, event: Event, text: bytes) -> None:
        super().__init__()
        self.event = event
        self.text = text
        self.size = len(text)
        self.accepted_at = 0
        self.is_spooled = False

    @property
    def promise(self) -> Promise:
        """How far the event has come."""
        if self._outcome is not None:
            return "refused" if isinstance(self._outcome, TrackerError) else "durable"
        return "spooled" if self.is_spooled else "queued"

    def spooled(self) -> None:
        """The event outlives this process. The sender's thread."""
        self.is_spooled = True

    def recorded(self, place: Place) -> None:
        """The server has it; the payload of :meth:`result` is what was sent. The sender's thread."""
        event = self.event
        recorded_at = _microseconds(place.timestamp)
        self.settle(
            (
                RecordedEvent(
                    place.position, event.job_id, place.sequence, event.type, recorded_at, event.event_id, event.payload
                ),
            )
        )
