"""Rows and values: how events and jobs lie in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Any

import msgspec
from sqlalchemy import Row

from tracker.events import ProgressUpdated, RecordedEvent
from tracker.job_query import folded
from tracker.projection import Job
from tracker.store.base import LogHead
from tracker.timeline import Step
from tracker.tokens import Token
from tracker.upcasting import UPCASTERS, upcast

# The order of the columns in every statement that reads or writes events.
EVENT_COLUMNS = ("position", "job_id", "sequence", "type", "recorded_at", "event_id", "payload")
JOB_COLUMNS = (
    "job_id",
    "status",
    "started_position",
    "position",
    "stage",
    "photo_id",
    "started_at",
    "updated_at",
    "completed_at",
    "duration",
    "error_types",
    "message",
    "state",
)
# The parameters of ``JOB_STEPS`` that :func:`left_out` gives.
LEFT_OUT = ("stage", "every", "low", "high")
_decode_job = msgspec.json.Decoder(Job).decode
_encode = msgspec.json.Encoder().encode
_read_progress = msgspec.json.Decoder(ProgressUpdated).decode


def recorded_event(row: Sequence[Any]) -> RecordedEvent:
    """The event of a row with :data:`EVENT_COLUMNS`, its payload as of today's version."""
    position, job_id, sequence, event_type, recorded_at, event_id, payload = row
    if event_type in UPCASTERS:
        payload = upcast(event_type, payload)
    return RecordedEvent(position, job_id, sequence, event_type, recorded_at, event_id, payload)


def recorded_events(found: Sequence[Sequence[Any]]) -> list[RecordedEvent]:
    """The events of rows with :data:`EVENT_COLUMNS`, as :func:`recorded_event` gives them."""
    return list(map(recorded_event, found)) if UPCASTERS else list(starmap(RecordedEvent, found))


def log_head(row: Row[int, int, str, int]) -> LogHead:
    """The ends of the log, of a row of ``HEAD``."""
    return LogHead(row.position, row.horizon, row.epoch)


def job(state: str) -> Job:
    """The job of a ``jobs.state``."""
    return _decode_job(state)


def job_row(value: Job) -> tuple[Any, ...]:
    """The row of ``jobs`` that holds the job, in the order of :data:`JOB_COLUMNS`."""
    return (
        value.job_id,
        value.status,
        value.started_position,
        value.position,
        value.current_stage,
        None if value.photo_id is None else str(value.photo_id),
        value.started_at,
        value.updated_at,
        value.completed_at,
        value.duration,
        "".join(map(error_type_line, {error.error_type: None for error in value.errors})) or None,
        folded(value.message) if value.completed_at is None else None,
        _encode(value).decode(),
    )


def error_type_line(error_type: str) -> str:
    """A type of error as it stands in ``jobs.error_types``: between two line ends, which JSON has none of inside."""
    return f"\n{json_text(error_type)}\n"


def json_text(text: str) -> str:
    """A string as it stands in a payload."""
    return _encode(text).decode()


def steps(found: Sequence[Any]) -> Sequence[Step]:
    """What a timeline needs of events, the payloads as of today's version."""
    if not UPCASTERS:
        return found
    return [
        (position, sequence, event_type, at, upcast(event_type, payload))
        for position, sequence, event_type, at, payload in found
    ]


def left_out(like: str | None, every: int) -> dict[str, Any]:
    """The parameters of ``JOB_STEPS`` that say which progress events are not wanted: those in the stage of ``like``.

    It looks at payloads as they lie there: where those of earlier versions are read otherwise, all are wanted.
    """
    if like is None or ProgressUpdated.type in UPCASTERS:
        return {"stage": "", "every": 1, "low": "", "high": ""}
    stage = f'"stage":{json_text(_read_progress(like).stage)},'
    beginning = like.partition(stage)[0] + stage
    # In an extra, a stage may stand that is not the event's own. A beginning that no payload has finds nothing.
    low = stage if '"extra":' in beginning else beginning
    return {"stage": stage, "every": every, "low": low, "high": f"{low[:-1]}-"}  # - comes after the comma


def token(row: Row[Any]) -> Token:
    """The token of a row of ``tokens``."""
    lists = {name: msgspec.json.decode(getattr(row, name)) for name in ("scopes", "job_prefixes")}
    return msgspec.convert({**plain(row), **lists}, Token)


def plain(row: Row[Any]) -> dict[str, Any]:
    """The row by the names of its columns: of plain strings, which SQLAlchemy's are not where a name is quoted."""
    return {str(name): value for name, value in row._mapping.items()}


def token_row(value: Token) -> dict[str, Any]:
    """The row of ``tokens`` that holds the token."""
    fields = {name: getattr(value, name) for name in Token.__struct_fields__}
    lists = {name: _encode(fields[name]).decode() for name in ("scopes", "job_prefixes")}
    return {**fields, **lists}
