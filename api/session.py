"""One client's conversation, without I/O: what it says becomes an action, what it is told is made here."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from tracker.errors import InvalidQuery, TrackerError
from tracker.events import FACTS, Event
from tracker.filters import MAX_CHANNELS, NOTHING, check_channels, check_types, shared_filter
from tracker.intake import event_from_message
from tracker.json_values import MAX_INTEGER, check_identifier
from tracker.replay_request import (
    CONTROLS,
    REPLAY,
    Control,
    ReplayRequest,
    read_control,
    read_replay_id,
    read_request,
)
from tracker.store.base import LogHead
from tracker.times import iso

from . import problems

PROTOCOL_VERSION = 1

Message: TypeAlias = dict[str, Any]


class Reply(Struct, frozen=True):
    """Tell the client."""

    message: Message


class Record(Struct, frozen=True):
    """Record an event, then tell the client :func:`ack` or the error, with the message's ``ref``."""

    event: Event
    ref: Any


class Subscribe(Struct, frozen=True):
    """Follow :attr:`Session.filter` from ``after`` (None: from now), a cursor of the log ``epoch`` (None: of this)."""

    after: int | None
    epoch: str | None
    ref: Any


class Unsubscribe(Struct, frozen=True):
    """Follow :attr:`Session.filter` from where the client is, or nothing if it is empty; then tell the client."""

    message: Message


class StartReplay(Struct, frozen=True):
    """Replay a part of the log to the client."""

    request: ReplayRequest
    ref: Any


class ControlReplay(Struct, frozen=True):
    """Control a replay of the client's; ``replay_id`` None: the only one it has."""

    control: Control
    replay_id: str | None
    ref: Any


Action: TypeAlias = Reply | Record | Subscribe | Unsubscribe | StartReplay | ControlReplay


class Session:
    """What the server knows of a client."""

    __slots__ = ("client_id", "client_name", "client_type", "connected_at", "filter")

    def __init__(self, client_id: str, connected_at: int) -> None:
        self.client_id = client_id
        self.connected_at = connected_at
        self.client_type: str | None = None
        self.client_name: str | None = None
        self.filter = NOTHING  # what the client has subscribed to

    @property
    def channels(self) -> frozenset[str]:
        """The channels it has subscribed to."""
        return self.filter.channels

    @property
    def types(self) -> frozenset[str]:
        """The types it wants of these; empty for all."""
        return self.filter.types

    def welcome(self, head: LogHead, now: int) -> Message:
        """The first message of the server."""
        return {
            "type": "connection_established",
            "client_id": self.client_id,
            "server_time": iso(now),
            "protocol": PROTOCOL_VERSION,
            "epoch": head.epoch,
            "head": head.position,
            "horizon": head.horizon,
        }

    def receive(self, message: Any, now: int) -> Action:
        """What a message of the client asks for; a message that cannot be understood is answered with an error."""
        ref = plain_ref(message)
        try:
            return self._understand(message, ref, now)
        except TrackerError as error:
            return Reply(problems.reply(error, ref))

    def _understand(self, message: Any, ref: Any, now: int) -> Action:
        if not isinstance(message, dict):
            raise InvalidQuery.of("", "A message must be a JSON object.")
        match message.get("type"):
            case "ping":
                return Reply({"type": "pong", "timestamp": iso(now), **_with(ref)})
            case "register":
                return self._register(message, ref)
            case "subscribe":
                action = Subscribe(_after(message), _epoch(message), ref)
                types = None if message.get("types") is None else check_types(message["types"])
                channels = self.channels | check_channels(message.get("channels"))
                if len(channels) > MAX_CHANNELS:
                    raise InvalidQuery.of("channels", f"a client has at most {MAX_CHANNELS} channels")
                self.filter = shared_filter(channels, self.types if types is None else types)
                return action
            case "unsubscribe":
                self.filter = shared_filter(self.channels - check_channels(message.get("channels")), self.types)
                confirmed = {"type": "unsubscription_confirmed", "channels": sorted(self.channels)}
                return Unsubscribe({**confirmed, **_with(ref)})
            case str(kind) if kind in FACTS:
                return Record(event_from_message(message), ref)
            case str(kind) if kind == REPLAY:
                return StartReplay(read_request(message), ref)
            case str(kind) if kind in CONTROLS:
                return ControlReplay(read_control(message), read_replay_id(message), ref)
            case kind:
                known = ["register", "subscribe", "unsubscribe", "ping", *FACTS, REPLAY, *CONTROLS]
                raise InvalidQuery("type", kind, f"must be one of {', '.join(known)}")

    def _register(self, message: Message, ref: Any) -> Reply:
        for name in ("client_type", "client_name"):
            if message.get(name) is not None:
                check_identifier(name, message[name])
        self.client_type = message.get("client_type")
        self.client_name = message.get("client_name")
        names = {"client_type": self.client_type, "client_name": self.client_name}
        return Reply({"type": "registration_confirmed", "client_id": self.client_id, **names, **_with(ref)})


def confirmation(session: Session, after: int, ref: Any) -> Message:
    """The answer to a subscription."""
    types = {"types": sorted(session.types)} if session.types else {}
    channels = sorted(session.channels)
    return {"type": "subscription_confirmed", "channels": channels, "after": after, **types, **_with(ref)}


def ack(position: int, sequence: int, ref: Any) -> Message:
    """The answer to a recorded event."""
    return {"type": "ack", "ref": ref, "position": position, "sequence": sequence}


def _with(ref: Any) -> Message:
    return {} if ref is None else {"ref": ref}


def plain_ref(message: Any) -> Any:
    """The ``ref`` of a message, which its answer repeats; None where it is neither a short string nor a number."""
    ref = message.get("ref") if isinstance(message, dict) else None
    is_plain = (isinstance(ref, str) and len(ref) <= 200) or (type(ref) is int and abs(ref) <= MAX_INTEGER)
    return ref if is_plain else None


def _after(message: Message) -> int | None:
    after = message.get("after")
    if isinstance(after, float) and after.is_integer():
        after = int(after)
    if after is None or (type(after) is int and 0 <= after <= MAX_INTEGER):
        return after
    raise InvalidQuery("after", after, "must be a position: a whole number from 0")


def _epoch(message: Message) -> str | None:
    epoch = message.get("epoch")
    if epoch is not None and not isinstance(epoch, str):
        raise InvalidQuery("epoch", epoch, "must be a string")
    return epoch
