"""The messages of the WebSocket, which the other transports carry too.

``UNSET`` stands for a field that may be missing.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from tracker import errors
from tracker.events import EventTooLarge
from tracker.tokens import Forbidden, Scope, Unauthorized

from .event_schemas import (
    EventMessage,
    RecordedEvent,
)
from .field_schemas import (
    Channel,
    Channels,
    ClientId,
    Cursor,
    Epoch,
    EventId,
    EventType,
    GivenRef,
    Head,
    Horizon,
    Identifier,
    Position,
    Prev,
    ProtocolVersion,
    Ref,
    Sequence,
    Timestamp,
    Whole,
)
from .limits import TooManyRequests

MESSAGE_ERRORS: tuple[type[errors.TrackerError], ...] = (
    errors.InvalidEvent,
    errors.InvalidQuery,
    EventTooLarge,
    errors.JobNotFound,
    errors.JobExists,
    errors.JobFinished,
    errors.JobPruned,
    errors.DuplicateEvent,
    errors.StoreError,
    errors.StoreUnavailable,
    errors.RecorderFull,
    errors.RecorderClosed,
    Unauthorized,
    Forbidden,
    TooManyRequests,
)


class Problem(Struct, kw_only=True):
    """What every refusal says; its `code` has the error's own fields."""

    error: Annotated[str, Meta(description="For people.")]
    code: Annotated[str, Meta(description="For programs.")]
    field: Annotated[str, Meta(description="What was refused; empty for the whole.")] | UnsetType = UNSET
    job_id: str | UnsetType = UNSET
    event_id: EventId | UnsetType = UNSET
    index: Annotated[Whole, Meta(description="Which event of a list was refused, from 0.")] | UnsetType = UNSET
    capacity: Annotated[Whole, Meta(description="Events that may wait to be written.")] | UnsetType = UNSET
    retry_after: Annotated[Whole, Meta(description="Seconds to wait, at least 1.")] | UnsetType = UNSET


class Reset(Struct, kw_only=True, tag_field="type", tag="reset"):
    """The cursor is of another log: the stream begins at this log's start."""

    epoch: Epoch
    head: Head


class Truncated(Struct, kw_only=True, tag_field="type", tag="truncated"):
    """Events above the cursor were pruned, up to the horizon: the stream goes on with what is left."""

    after: Cursor
    horizon: Horizon


class ConnectionEstablished(Struct, kw_only=True, tag_field="type", tag="connection_established"):
    """The server's first message."""

    client_id: ClientId
    server_time: Timestamp
    protocol: ProtocolVersion
    epoch: Epoch
    head: Head
    horizon: Horizon


class Authenticated(Struct, kw_only=True, tag_field="type", tag="authenticated"):
    """The answer to `auth`: whose token it is, and what it allows."""

    name: Identifier
    scopes: list[Scope]
    ref: Ref | UnsetType = UNSET


class RegistrationConfirmed(Struct, kw_only=True, tag_field="type", tag="registration_confirmed"):
    """The answer to `register`."""

    client_id: ClientId
    client_type: Identifier | None
    client_name: Identifier | None
    ref: Ref | UnsetType = UNSET


class SubscriptionConfirmed(Struct, kw_only=True, tag_field="type", tag="subscription_confirmed"):
    """The answer to `subscribe`: everything that is followed now, and the cursor from which on."""

    channels: list[Channel]
    after: Cursor
    types: list[EventType] | UnsetType = UNSET
    ref: Ref | UnsetType = UNSET


class UnsubscriptionConfirmed(Struct, kw_only=True, tag_field="type", tag="unsubscription_confirmed"):
    """The answer to `unsubscribe`: the channels that are left."""

    channels: list[Channel]
    ref: Ref | UnsetType = UNSET


class Pong(Struct, kw_only=True, tag_field="type", tag="pong"):
    """The answer to `ping`."""

    timestamp: Timestamp
    ref: Ref | UnsetType = UNSET


class Ack(Struct, kw_only=True, tag_field="type", tag="ack"):
    """The event is durable, at this place."""

    ref: Ref | None
    position: Position
    sequence: Sequence


class ErrorMessage(Problem, tag_field="type", tag="error"):
    """A message was refused; the connection stays open."""

    code: Annotated[
        str,
        Meta(description="For programs.", extra_json_schema={"enum": [error.code for error in MESSAGE_ERRORS]}),
    ]
    ref: Ref | None


class CaughtUp(Struct, kw_only=True, tag_field="type", tag="caught_up"):
    """Everything up to `position` was sent; what follows is live. A new cursor, unless `prev` is above the old one."""

    position: Cursor
    prev: Prev


class Checkpoint(Struct, kw_only=True, tag_field="type", tag="checkpoint"):
    """To an idle stream: everything up to `position` was sent. A new cursor, unless `prev` is above the old one."""

    position: Position
    prev: Prev


class Auth(Struct, kw_only=True, tag_field="type", tag="auth"):
    """The client's token, as its first message, where it cannot be sent with the upgrade."""

    token: str
    ref: Ref | UnsetType = UNSET


class Register(Struct, kw_only=True, tag_field="type", tag="register"):
    """Say who you are; both names are for people."""

    client_type: Identifier | UnsetType | None = UNSET
    client_name: Identifier | UnsetType | None = UNSET
    ref: GivenRef = UNSET


class Subscribe(Struct, kw_only=True, tag_field="type", tag="subscribe"):
    """Follow more channels, from `after` on (exclusive): 0 is the log's start, without it from now on."""

    channels: Channels
    after: Cursor | UnsetType | None = UNSET
    epoch: Epoch | UnsetType | None = UNSET
    types: Annotated[list[EventType] | None, Meta(description="Only these, if any are named.")] | UnsetType = UNSET
    ref: GivenRef = UNSET


class Unsubscribe(Struct, kw_only=True, tag_field="type", tag="unsubscribe"):
    """Follow these channels no more."""

    channels: Channels
    ref: GivenRef = UNSET


class Ping(Struct, kw_only=True, tag_field="type", tag="ping"):
    """Are you there?"""

    ref: GivenRef = UNSET


ClientMessage: TypeAlias = Auth | Register | Subscribe | Unsubscribe | Ping | EventMessage
Answer: TypeAlias = RegistrationConfirmed | SubscriptionConfirmed | UnsubscriptionConfirmed | Pong | Ack | ErrorMessage
StreamMessage: TypeAlias = ConnectionEstablished | Reset | Truncated | CaughtUp | Checkpoint | RecordedEvent
