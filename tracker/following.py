"""How a client follows a log without missing anything: pure, no I/O. The rule of ``docs/protocol.md``, "Resuming"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from msgspec import Struct

from tracker.events import FACTS

Message: TypeAlias = dict[str, Any]


class Hand(Struct, frozen=True):
    """Hand the event on."""

    event: Message


class Again(Struct, frozen=True):
    """Something was missed: send :meth:`Following.subscription` again."""

    missed_from: int
    missed_to: int


class Notice(Struct, frozen=True):
    """The server says something about the stream itself."""

    message: Message


class Nothing(Struct, frozen=True):
    """A message that changes nothing, such as an event that was handled before."""


Step: TypeAlias = Hand | Again | Notice | Nothing


class Following:
    """The cursor of one client, moved by what the server sends.

    ``cursor`` is the position up to which everything under the subscription was handled; None until the server has
    said where "from now" is.
    """

    def __init__(
        self, channels: Iterable[str], types: Iterable[str] = (), after: int | None = None, epoch: str | None = None
    ) -> None:
        self.channels = sorted(set(channels))
        self.types = sorted(set(types))
        self.cursor = after
        self.epoch = epoch
        # Whether the cursor is known to be of that log; one that a person typed may be of none.
        self._is_placed = epoch is not None
        self.is_asking = False  # a subscription was sent, and is not confirmed yet

    def subscription(self) -> Message:
        """What to send after connecting, and whenever :class:`Again` says so."""
        self.is_asking = True
        message: Message = {"type": "subscribe", "channels": self.channels}
        if self.types:
            message["types"] = self.types
        if self.cursor is not None:
            message["after"] = self.cursor
            if self._is_placed:
                message["epoch"] = self.epoch
        return message

    def receive(self, message: Message) -> Step:
        """What a message of the server means."""
        kind = message.get("type")
        if message.get("replay") is True:
            # Sent again beside what is followed: it says nothing about how far that is complete.
            return Hand(message)
        if kind in FACTS and "position" in message:
            return self._event(message)
        if kind in ("caught_up", "checkpoint"):
            return self._complete(message)
        if kind == "subscription_confirmed":
            self._begin(message["after"])
        elif kind == "reset":
            self.cursor, self.epoch = 0, message["epoch"]
        elif kind == "connection_established" and not (self._is_placed and self.cursor is not None):
            self.epoch = message["epoch"]
        return Notice(message)

    def _event(self, event: Message) -> Step:
        cursor = self.cursor or 0
        # Until the subscription is confirmed, what arrives was on its way before it was asked for.
        if self.is_asking or event["position"] <= cursor:
            return Nothing()
        if event.get("prev", 0) > cursor:
            return Again(cursor, event["prev"])
        self.cursor = event["position"]
        return Hand(event)

    def _begin(self, after: int) -> None:
        self.is_asking = False
        self._is_placed = self.epoch is not None
        if self.cursor is None:
            self.cursor = after

    def _complete(self, message: Message) -> Step:
        cursor = self.cursor or 0
        if self.is_asking:
            return Nothing()
        if message.get("prev", 0) > cursor:
            return Again(cursor, message["prev"])
        self.cursor = max(cursor, message["position"])
        return Notice(message)
