"""Rows and values: how events and jobs lie in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from tracker.events import RecordedEvent
from tracker.projection import Job
from tracker.tokens import Token

# The order of the columns in every statement that reads or writes events.
EVENT_COLUMNS = ("position", "job_id", "sequence", "type", "recorded_at", "event_id", "payload")
JOB_COLUMNS = ("job_id", "status", "started_position", "position", "completed_at", "state")
_decode_job = msgspec.json.Decoder(Job).decode
_encode = msgspec.json.Encoder().encode


def recorded_event(row: Sequence[Any]) -> RecordedEvent:
    """The event of a row with :data:`EVENT_COLUMNS`."""
    return RecordedEvent(*row)


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
        value.completed_at,
        _encode(value).decode(),
    )


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
