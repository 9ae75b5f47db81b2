"""The receipt of a call that reports to a server: it says how far the event has come."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

from tracker.errors import TrackerError
from tracker.events import Event, RecordedEvent
from tracker.messages import event_text
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

    __slots__ = ("_event", "_event_id", "_text", "accepted_at", "is_spooled", "size")

    def __init__(self, event: Event, event_id: str) -> None:
        """``size``: about the bytes of :attr:`text`."""
        super().__init__()
        self._event = event
        self._event_id = event_id
        self._text: bytes | None = None
        self.size = len(event.payload)
        self.accepted_at = 0
        self.is_spooled = False

    @property
    def event(self) -> Event:
        """The event, with its id."""
        event = self._event
        return Event(event.job_id, event.type, event.payload, self._event_id)

    @property
    def text(self) -> bytes:
        """The message that has it recorded. Made when it is first asked for: not by the caller, who has other work."""
        if self._text is None:
            self._text = event_text(self.event, self.accepted_at)
        return self._text

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
