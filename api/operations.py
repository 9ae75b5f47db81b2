"""Every route of the server, described: what it takes, what it answers, why it refuses."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct

from tracker import errors
from tracker.events import EventTooLarge
from tracker.job_query import NEWEST_FIRST, Sort
from tracker.projection import JobStatus
from tracker.statistics_query import GroupBy
from tracker.store.base import PAGE_LIMIT
from tracker.store.statistics_reading import MAX_LATER
from tracker.time_travel import HistoryPruned
from tracker.tokens import Forbidden, Unauthorized
from tracker.typical import NoHistory

from . import event_schemas as reported
from . import schemas, stats_schemas
from . import timeline_schemas as timelines
from .clients import TooManyClients, UnknownClient
from .event_routes import MAX_EVENTS, MAX_WAIT_SECONDS
from .field_schemas import Channel, Cursor, Epoch, EventType, Identifier, Moment, PositionOrTime
from .limits import TooManyRequests
from .message_schemas import StreamMessage
from .origins import ForbiddenHost, ForbiddenOrigin
from .requests import DEFAULT_LIMIT


class Refusal(Struct, frozen=True):
    """A refusal that is no :class:`TrackerError`."""

    status: int
    code: str


Reason: TypeAlias = type[errors.TrackerError] | Refusal


class Parameter(Struct, frozen=True, kw_only=True):
    """A query parameter, unless ``place`` says otherwise; ``type`` is what msgspec makes a schema of."""

    name: str
    type: Any
    description: str
    place: Literal["query", "path", "header"] = "query"
    default: Any = UNSET
    is_required: bool = False


class Operation(Struct, frozen=True, kw_only=True):
    """One route. ``answer`` is the type of the 200, or of each event of a stream; an upgrade has none.

    ``scope``: what a token must allow; ``any`` one is good for what checks each message by itself, on ``first_message``
    it may also come after the upgrade. ``is_kept``: clients may keep the answer, and are told 304 while it is the same.
    """

    name: str
    scope: Literal["public", "first_message", "any", "read", "report", "admin"]
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    answer: Any = None
    media_type: str = "application/json"
    is_kept: bool = False
    reasons: tuple[Reason, ...] = ()


EVENT_STREAM = "text/event-stream"
NOT_THERE = Refusal(404, "not_found")
FAILED = Refusal(500, "internal_error")
# Whatever is asked for.
ALWAYS = (FAILED, Unauthorized, Forbidden, ForbiddenHost, ForbiddenOrigin, TooManyRequests)
_READ = (errors.StoreError, errors.StoreUnavailable)
_BODY = (
    errors.InvalidEvent,
    Refusal(408, "request_timeout"),
    Refusal(413, "request_entity_too_large"),
    Refusal(415, "unsupported_media_type"),
)
_WRITE = (
    *_BODY,
    *_READ,
    EventTooLarge,
    errors.DuplicateEvent,
    errors.JobPruned,
    errors.RecorderFull,
    errors.RecorderClosed,
)
_REPORT = (*_WRITE, errors.JobNotFound, errors.JobFinished)
_QUERY = (*_READ, errors.InvalidQuery)
_ONE_JOB = (*_READ, errors.JobNotFound, errors.JobPruned, NOT_THERE)

_JOB_ID = Parameter(name="job_id", type=Identifier, description="The job.", place="path", is_required=True)
_LIMIT = Parameter(
    name="limit",
    type=Annotated[int, Meta(ge=1, le=PAGE_LIMIT)],
    description="At most so many on a page.",
    default=DEFAULT_LIMIT,
)
_AFTER = Parameter(name="after", type=Cursor, description="A position, exclusive; at most the head.")
_AS_OF = Parameter(name="as_of", type=PositionOrTime, description="As it was then; not below the horizon.")
_WAIT = Parameter(
    name="wait",
    type=Annotated[int, Meta(ge=0, le=MAX_WAIT_SECONDS)],
    description="When there is nothing yet, wait so many seconds for it.",
    default=0,
)
_FILTER = (
    Parameter(name="channel", type=list[Channel], description="Any of these; without one, and without a job: all."),
    Parameter(name="job_id", type=list[Identifier], description="Any of these jobs, beside the channels."),
    Parameter(name="type", type=list[EventType], description="Of these types only."),
    _AFTER,
    Parameter(name="epoch", type=Epoch, description="The log that `after` is of; of another one: a `reset`."),
    Parameter(
        name="Last-Event-ID",
        type=Annotated[str, Meta(pattern=r"^(\d{1,16}(@.*)?)?$")],
        description="`<position>@<epoch>`, as the stream's `id:`; goes before `after`.",
        place="header",
    ),
)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/progress/job/{job_id}"): Operation(
        name="job_progress",
        scope="read",
        summary="The status of one job.",
        parameters=(_JOB_ID,),
        answer=schemas.JobAnswer,
        reasons=_ONE_JOB,
    ),
    ("GET", "/progress/active"): Operation(
        name="active_jobs", scope="read", summary="Every unfinished job.", answer=schemas.ActiveJobs, reasons=_READ
    ),
    ("POST", "/progress/start"): Operation(
        name="start_job",
        scope="report",
        summary="Start a job; again with the same content is harmless.",
        body=reported.StartJob,
        answer=schemas.Written,
        reasons=(*_WRITE, errors.JobExists),
    ),
    ("POST", "/progress/report"): Operation(
        name="update_progress",
        scope="report",
        summary="Report progress.",
        body=reported.UpdateProgress,
        answer=schemas.Written,
        reasons=_REPORT,
    ),
    ("POST", "/progress/complete_stage"): Operation(
        name="complete_stage",
        scope="report",
        summary="End a stage.",
        body=reported.CompleteStage,
        answer=schemas.Written,
        reasons=_REPORT,
    ),
    ("POST", "/progress/error"): Operation(
        name="report_error",
        scope="report",
        summary="Report an error; the job goes on.",
        body=reported.ReportError,
        answer=schemas.Written,
        reasons=_REPORT,
    ),
    ("POST", "/progress/photo_info"): Operation(
        name="send_photo_info",
        scope="report",
        summary="Say what was learnt about the photo.",
        body=reported.SendPhotoInfo,
        answer=schemas.Written,
        reasons=_REPORT,
    ),
    ("POST", "/progress/complete"): Operation(
        name="complete_job",
        scope="report",
        summary="End a job, for good.",
        body=reported.CompleteJob,
        answer=schemas.Written,
        reasons=_REPORT,
    ),
    ("POST", "/events"): Operation(
        name="record_events",
        scope="report",
        summary=f"Record one event message, or a list of at most {MAX_EVENTS}: all in one transaction, or none.",
        body=reported.EventMessage | Annotated[list[reported.EventMessage], Meta(min_length=1, max_length=MAX_EVENTS)],
        answer=schemas.EventsWritten,
        reasons=(*_REPORT, errors.JobExists),
    ),
    ("GET", "/events"): Operation(
        name="read_events",
        scope="read",
        summary="A page of the log; with `wait` the first commit that has something for the filter.",
        parameters=(*_FILTER, _LIMIT, _WAIT),
        answer=schemas.EventPage,
        reasons=_QUERY,
    ),
    ("GET", "/events/stream"): Operation(
        name="stream_events",
        scope="read",
        summary="Events as they are committed, from now or from a cursor, as Server-Sent Events.",
        parameters=_FILTER,
        answer=StreamMessage,
        media_type=EVENT_STREAM,
        reasons=(*_QUERY, TooManyClients, Refusal(505, "http_version_not_supported")),
    ),
    ("GET", "/jobs"): Operation(
        name="list_jobs",
        scope="read",
        summary="Jobs under filters; pages stay as they are while new jobs arrive.",
        parameters=(
            Parameter(name="status", type=JobStatus, description="Only jobs of this status."),
            Parameter(name="stage", type=Identifier, description="Only jobs whose current stage is this."),
            Parameter(name="photo_id", type=Identifier, description="Only jobs of this photo."),
            Parameter(name="since", type=Moment, description="Only jobs that started then or later."),
            Parameter(name="until", type=Moment, description="Only jobs that started before."),
            Parameter(name="q", type=Identifier, description="In the id, file name, message or an error; in any case."),
            Parameter(name="error_type", type=Identifier, description="Only jobs that reported an error of this type."),
            Parameter(name="sort", type=Sort, description="With a minus descending.", default=NEWEST_FIRST),
            _LIMIT,
            Parameter(
                name="cursor", type=Annotated[str, Meta(max_length=200)], description="That of the page before. Opaque."
            ),
            Parameter(name="total", type=bool, description="Say how many there are in all.", default=False),
            _AS_OF,
        ),
        answer=schemas.JobPage,
        reasons=(*_QUERY, HistoryPruned),
    ),
    ("GET", "/jobs/{job_id}"): Operation(
        name="show_job",
        scope="read",
        summary="The status of one job.",
        parameters=(_JOB_ID, _AS_OF),
        answer=schemas.JobAnswer,
        reasons=(*_ONE_JOB, errors.InvalidQuery, HistoryPruned),
    ),
    ("GET", "/jobs/{job_id}/events"): Operation(
        name="job_events",
        scope="read",
        summary="A page of one job's events, in order.",
        parameters=(_JOB_ID, _AFTER, _LIMIT),
        answer=schemas.JobEventPage,
        reasons=(*_ONE_JOB, errors.InvalidQuery),
    ),
    ("GET", "/jobs/{job_id}/timeline"): Operation(
        name="job_timeline",
        scope="read",
        summary="One job's stages, gaps, progress and errors in the order of time.",
        parameters=(_JOB_ID,),
        answer=timelines.TimelineAnswer,
        reasons=(*_ONE_JOB, errors.InvalidQuery),
    ),
    ("GET", "/jobs/diff"): Operation(
        name="compare_jobs",
        scope="read",
        summary="Two jobs held against each other: stages side by side, and where they part.",
        parameters=(
            Parameter(name="a", type=Identifier, description="A job.", is_required=True),
            Parameter(
                name="b",
                type=Identifier,
                description="Another one, or `typical`: the medians of the last jobs that completed the same stages.",
                is_required=True,
            ),
        ),
        answer=timelines.DiffAnswer,
        reasons=(*_QUERY, errors.JobNotFound, errors.JobPruned, NoHistory),
    ),
    ("GET", "/stats"): Operation(
        name="statistics",
        scope="read",
        summary="What the log counts up to: everything in brief, or `groups`. Not for a token limited to some jobs.",
        parameters=(
            Parameter(name="since", type=Moment, description="From the beginning of its hour, UTC."),
            Parameter(name="until", type=Moment, description="Until the end of its hour, UTC."),
            Parameter(name="group_by", type=GroupBy, description="What to group by."),
            Parameter(
                name="as_of",
                type=PositionOrTime,
                description=f"The answer as it was then: at most {MAX_LATER:,} events back, not below the horizon.",
            ),
        ),
        answer=stats_schemas.Statistics,
        reasons=(*_QUERY, HistoryPruned),
    ),
    ("GET", "/"): Operation(
        name="index", scope="public", summary="What this is and where to go.", answer=schemas.Index
    ),
    ("GET", "/healthz"): Operation(
        name="healthz", scope="public", summary="The process answers.", answer=schemas.Health
    ),
    ("GET", "/readyz"): Operation(
        name="readyz", scope="public", summary="The log can be written.", answer=schemas.Health, reasons=_READ
    ),
    ("GET", "/openapi.json"): Operation(
        name="openapi", scope="public", summary="This document.", answer=dict[str, Any]
    ),
    ("GET", "/client/jobreel.js"): Operation(
        name="client_module",
        scope="public",
        summary="The client library for browsers, an ES module.",
        answer=str,
        media_type="text/javascript",
        is_kept=True,
    ),
    ("GET", "/client/jobreel.d.ts"): Operation(
        name="client_types",
        scope="public",
        summary="The types of the client library, for TypeScript.",
        answer=str,
        media_type="text/plain",
        is_kept=True,
    ),
    ("GET", "/metrics"): Operation(
        name="metrics",
        scope="admin",
        summary="The server's numbers, as Prometheus reads them.",
        answer=str,
        media_type="text/plain",
    ),
    ("GET", "/ws/status"): Operation(
        name="server_status",
        scope="read",
        summary="Who is connected, and the ends of the log.",
        answer=schemas.ServerStatus,
        reasons=_READ,
    ),
    ("GET", "/ws"): Operation(
        name="websocket",
        scope="first_message",
        summary="The upgrade to a WebSocket; its messages are in the project's AsyncAPI document.",
        reasons=(Refusal(400, "bad_request"), TooManyClients),
    ),
    ("POST", "/ws/handshake"): Operation(
        name="handshake",
        scope="any",
        summary="A new client that polls, as it cannot hold a connection open.",
        body=schemas.Handshake,
        answer=schemas.HandshakeAnswer,
        reasons=(*_BODY, *_QUERY, TooManyClients),
    ),
    ("GET", "/ws/poll"): Operation(
        name="poll",
        scope="any",
        summary="What a client is to be told after its cursor. Reading changes nothing.",
        parameters=(
            Parameter(name="client_id", type=str, description="That of the handshake.", is_required=True),
            Parameter(name="cursor", type=schemas.PollCursor, description="Without it: the server's own."),
            _WAIT,
        ),
        answer=schemas.PollAnswer,
        reasons=(*_QUERY, UnknownClient),
    ),
    ("POST", "/ws/send"): Operation(
        name="send",
        scope="any",
        summary="A polling client's messages; each is answered as on the WebSocket.",
        body=schemas.Send,
        answer=schemas.SendAnswer,
        reasons=(*_BODY, errors.InvalidQuery, UnknownClient),
    ),
    ("POST", "/ws/disconnect"): Operation(
        name="disconnect",
        scope="any",
        summary="A polling client goes; again is harmless.",
        body=schemas.Disconnect,
        answer=schemas.Disconnected,
        reasons=_BODY,
    ),
}
