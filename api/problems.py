"""Errors as clients see them: one body, and the HTTP status of each error."""

from __future__ import annotations

from typing import Any

from tracker import errors
from tracker.events import EventTooLarge
from tracker.time_travel import HistoryPruned
from tracker.tokens import Forbidden, Unauthorized
from tracker.typical import NoHistory

from .clients import TooManyClients, UnknownClient
from .limits import TooManyRequests

# The most derived class listed wins.
_STATUS: dict[type[errors.TrackerError], int] = {
    errors.InvalidEvent: 400,
    EventTooLarge: 413,
    errors.JobNotFound: 404,
    NoHistory: 404,
    errors.JobExists: 409,
    errors.JobFinished: 409,
    errors.DuplicateEvent: 409,
    errors.JobPruned: 410,
    HistoryPruned: 410,
    errors.StoreError: 503,
    errors.RecorderFull: 503,
    errors.RecorderClosed: 503,
    TooManyClients: 503,
    UnknownClient: 404,
    Unauthorized: 401,
    Forbidden: 403,
    TooManyRequests: 429,
}
RETRY_AFTER_SECONDS = 1


def status(error: errors.TrackerError) -> int:
    """The HTTP status of an error."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def body(error: errors.TrackerError) -> dict[str, Any]:
    """``{"success": false, "error": for people, "code": for programs, …the error's fields}``."""
    return problem(str(error), error.code, **error.fields())


def problem(text: str, code: str, **fields: Any) -> dict[str, Any]:
    """The same for what is no :class:`TrackerError`."""
    return {"success": False, "error": text, "code": code, **fields}


def reply(error: errors.TrackerError, ref: Any = None) -> dict[str, Any]:
    """The WebSocket's form: ``{"type": "error", …}``; ``ref`` is that of the message it answers."""
    fields = {name: value for name, value in body(error).items() if name != "success"}
    return {"type": "error", **fields, "ref": ref}
