"""The public shapes of HTTP: bodies, answers and pages. Described here for the documents, checked elsewhere.

``UNSET`` stands for a field that may be missing. Readers ignore fields that they do not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from .event_schemas import (
    RecordedEvent,
    StageDone,
)
from .field_schemas import (
    Channel,
    ClientId,
    Cursor,
    DeclaredStages,
    Epoch,
    Failure,
    Head,
    Horizon,
    Identifier,
    Object,
    PhotoId,
    Position,
    Progress,
    ProtocolVersion,
    Seconds,
    Sequence,
    Stage,
    Success,
    Text,
    Timestamp,
    Whole,
)
from .message_schemas import (
    Answer,
    ClientMessage,
    Problem,
    Reset,
    StreamMessage,
    Truncated,
)

PollCursor: TypeAlias = Annotated[str, Meta(description="Opaque: send it back as it is.")]


class JobError(Struct, kw_only=True):
    """An error that was reported for a job."""

    error_type: Identifier
    error_message: Text
    error_details: Object
    stage: Stage | None
    timestamp: Timestamp


class Eta(Struct, kw_only=True):
    """Seconds until the end: half of such jobs take at most `p50`, nine of ten at most `p90`."""

    p50: Seconds
    p90: Seconds
    jobs: Annotated[Whole, Meta(description="From how many past jobs with the same stages.")]


class JobStatus(Struct, kw_only=True):
    """A job, up to its event at `position`."""

    job_id: Identifier
    photo_id: PhotoId
    photo_info: Object
    status: Literal["active", "completed", "failed"]
    current_stage: Stage
    progress: Progress
    message: Text
    elapsed_seconds: Annotated[Seconds, Meta(description="Seconds since the start; the duration of a finished job.")]
    stages_completed: Annotated[list[StageDone], Meta(max_length=100, description="The latest 100.")]
    errors: Annotated[list[JobError], Meta(max_length=100, description="The latest 100.")]
    started_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None
    success: Annotated[bool | None, Meta(description="Null while the job is active, as the next two.")]
    result: Object | None
    duration: Seconds | None
    stages: DeclaredStages | UnsetType = UNSET
    position: Position
    sequence: Sequence
    eta: Annotated[Eta | None, Meta(description="Of an active job; null with an `eta_reason`.")] | UnsetType = UNSET
    eta_reason: Literal["too_little_history", "unknown_stages"] | UnsetType = UNSET


class Error(Problem):
    """Why a request was refused; its `code` has the error's own fields."""

    success: Failure
    as_of: Annotated[Cursor, Meta(description="The position that is not known any more.")] | UnsetType = UNSET
    horizon: Horizon | UnsetType = UNSET


class Place(Struct, kw_only=True):
    """The place of a recorded event."""

    position: Position
    sequence: Sequence


class Written(Place):
    """The event is durable, at this place."""

    success: Success


class EventWritten(Place):
    """The place of an event, and when the tracker accepted it."""

    timestamp: Timestamp


class EventsWritten(Written):
    """The events are durable. The place is that of the last of them; a list is answered with all their places."""

    events: Annotated[list[EventWritten], Meta(min_length=1)] | UnsetType = UNSET


class JobAnswer(Struct, kw_only=True):
    """One job."""

    success: Success
    job_status: JobStatus
    as_of: Annotated[Whole, Meta(description="The position that the job is shown as of.")] | UnsetType = UNSET


class ActiveJobs(Struct, kw_only=True):
    """Every unfinished job by its id, in the order they started."""

    success: Success
    active_jobs: dict[str, JobStatus]
    count: Whole


class JobPage(Struct, kw_only=True):
    """Jobs, in the order asked for. No `cursor` on the last page."""

    success: Success
    jobs: list[JobStatus]
    cursor: Annotated[str, Meta(description="Opaque, and good for the same query only.")] | UnsetType = UNSET
    total: Annotated[Whole, Meta(description="How many jobs pass the filters; only on request.")] | UnsetType = UNSET
    as_of: Annotated[Whole, Meta(description="The position that the jobs are shown as of.")] | UnsetType = UNSET


class JobEventPage(Struct, kw_only=True):
    """A job's events, in order. No `cursor` on the last page."""

    success: Success
    events: list[RecordedEvent]
    cursor: Cursor | UnsetType = UNSET
    head: Head


class EventPage(JobEventPage):
    """A page of the log. `checkpoint` is the position up to which it is complete: the `after` of the next one."""

    checkpoint: Cursor
    epoch: Epoch
    reset: Reset | UnsetType = UNSET
    truncated: Truncated | UnsetType = UNSET


class ClientLine(Struct, kw_only=True):
    """A connected client. `lag`: how many positions it is behind the head."""

    client_id: ClientId
    client_type: Identifier | None
    client_name: Identifier | None
    transport: Literal["websocket", "sse", "poll"]
    channels: list[Channel]
    cursor: Cursor | None
    lag: Whole
    connected_since: Timestamp


class ServerStatus(Struct, kw_only=True):
    """Who is connected, and the ends of the log."""

    success: Success
    status: Literal["running"]
    connected_clients: Whole
    clients: list[ClientLine]
    epoch: Epoch
    head: Head
    horizon: Horizon


class Health(Struct, kw_only=True):
    """The answer to a monitor."""

    success: Success
    status: Literal["ok", "ready"]


class Index(Struct, kw_only=True):
    """What this is and where to go."""

    success: Success
    name: str
    version: str
    paths: list[str]


class Handshake(Struct, kw_only=True):
    """A client that only polls says hello."""

    client_type: Identifier | UnsetType | None = UNSET
    client_name: Identifier | UnsetType | None = UNSET
    protocol_version: Annotated[
        Any, Meta(extra_json_schema={"enum": [None, 1, "1", "1.0"]}, description="1, however it is written.")
    ] = UNSET


class HandshakeAnswer(Struct, kw_only=True):
    """The new client, and its first cursor."""

    success: Success
    client_id: ClientId
    protocol_version: ProtocolVersion
    server_time: Timestamp
    epoch: Epoch
    cursor: PollCursor


class PollAnswer(Struct, kw_only=True):
    """What the client is told after its cursor, and the cursor after that. The same cursor gives the same messages."""

    success: Success
    messages: list[StreamMessage]
    cursor: PollCursor
    timestamp: Timestamp


class Send(Struct, kw_only=True):
    """One `message`, or `messages`, as over the WebSocket."""

    client_id: ClientId
    message: ClientMessage | UnsetType = UNSET
    messages: Annotated[list[ClientMessage], Meta(max_length=1000)] | UnsetType | None = UNSET


class SendAnswer(Struct, kw_only=True):
    """The answer to the one message, or to each of them in their order; `success` is false if any was refused."""

    success: bool
    response: Answer | list[Answer]
    timestamp: Timestamp


class Disconnect(Struct, kw_only=True):
    """The client goes."""

    client_id: Annotated[Any, Meta(description="One that is not known is answered alike.")] = UNSET


class Disconnected(Struct, kw_only=True):
    """It is gone."""

    success: Success
    timestamp: Timestamp
