"""The messages of the WebSocket, which the other transports carry too.

``UNSET`` stands for a field that may be missing.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from tracker import errors
from tracker.events import EventTooLarge
from tracker.replay_request import TooManyReplays, UnknownReplay
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
    MaxGap,
    Place,
    Position,
    Prev,
    ProtocolVersion,
    Ref,
    ReplayId,
    ReplaySpeed,
    ReplayState,
    Seconds,
    Sequence,
    Timestamp,
    Whole,
)
from .limits import TooManyRequests

MESSAGE_ERRORS: tuple[type[errors.TrackerError], ...] = (
    errors.InvalidEvent,
    errors.InvalidQuery,
    UnknownReplay,
    TooManyReplays,
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


class ReplayStarted(Struct, kw_only=True, tag_field="type", tag="replay_started"):
    """The answer to `replay`: what will be sent. Both ends are fixed now, and null where there is no event."""

    replay_id: ReplayId
    job_id: Identifier | UnsetType = UNSET
    first: Annotated[Position | None, Meta(description="Position of the first event.")]
    last: Annotated[Position | None, Meta(description="Position of the last event.")]
    since: Annotated[Timestamp | None, Meta(description="When the first one was recorded.")]
    until: Annotated[Timestamp | None, Meta(description="When the last one was recorded.")]
    events: Annotated[Whole | None, Meta(description="How many; null where only counting would tell.")]
    duration: Annotated[Seconds, Meta(description="Seconds from the first to the last, as it happened.")]
    speed: ReplaySpeed
    max_gap_seconds: MaxGap | None
    state: ReplayState
    horizon: Horizon
    ref: Ref | UnsetType = UNSET


class ReplayTold(Struct, kw_only=True, tag_field="type", tag="replay_state"):
    """The answer to `pause`, `resume`, `step`, `seek` and `speed`: `after` is just before the next event."""

    replay_id: ReplayId
    state: ReplayState
    after: Cursor
    speed: ReplaySpeed
    max_gap_seconds: MaxGap | None
    ref: Ref | UnsetType = UNSET


class ReplayFinished(Struct, kw_only=True, tag_field="type", tag="replay_finished"):
    """The end of a replay; with the `ref` of `replay_stop` where that ended it.

    `reason`: `end`; `stopped`; `pruned`, where its last events were removed meanwhile; `failed`, after an `error`.
    """

    replay_id: ReplayId
    reason: Literal["end", "stopped", "pruned", "failed"]
    after: Annotated[Cursor, Meta(description="Position of the last event that was sent.")]
    sent: Annotated[Whole, Meta(description="How many events were sent.")]
    ref: Ref | UnsetType = UNSET


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


class Replay(Struct, kw_only=True, tag_field="type", tag="replay"):
    """Send a part of the log again, with its spacing divided by `speed`: a job, or all between `since` and `until`."""

    job_id: Identifier | UnsetType | None = UNSET
    after: Cursor | UnsetType | None = UNSET
    since: Annotated[Place | None, Meta(description="The first to send, inclusive.")] | UnsetType = UNSET
    until: Annotated[Place | None, Meta(description="The last to send, inclusive.")] | UnsetType = UNSET
    speed: Annotated[ReplaySpeed | None, Meta(description="1 if left out.")] | UnsetType = UNSET
    max_gap_seconds: MaxGap | UnsetType | None = UNSET
    paused: Annotated[bool | None, Meta(description="Begin in a pause.")] | UnsetType = UNSET
    ref: GivenRef = UNSET


class _ReplayControl(Struct, kw_only=True):
    replay_id: Annotated[ReplayId | None, Meta(description="May be left out where one is running.")] | UnsetType = UNSET
    ref: GivenRef = UNSET


class Pause(_ReplayControl, tag_field="type", tag="pause"):
    """Hold a replay."""


class Resume(_ReplayControl, tag_field="type", tag="resume"):
    """Go on after a pause."""


class Step(_ReplayControl, tag_field="type", tag="step"):
    """In a pause: send the next event."""


class Seek(_ReplayControl, tag_field="type", tag="seek"):
    """Go on at the first event at or after a position or a time of the replay."""

    to: Place


class Speed(_ReplayControl, tag_field="type", tag="speed"):
    """Play at another speed from now on."""

    speed: ReplaySpeed


class ReplayStop(_ReplayControl, tag_field="type", tag="replay_stop"):
    """End a replay; the answer is its `replay_finished`."""


ReplayMessage: TypeAlias = Replay | Pause | Resume | Step | Seek | Speed | ReplayStop
ClientMessage: TypeAlias = Auth | Register | Subscribe | Unsubscribe | Ping | EventMessage
Answer: TypeAlias = RegistrationConfirmed | SubscriptionConfirmed | UnsubscriptionConfirmed | Pong | Ack | ErrorMessage
StreamMessage: TypeAlias = ConnectionEstablished | Reset | Truncated | CaughtUp | Checkpoint | RecordedEvent
