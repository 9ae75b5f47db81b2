"""What a server's answer to a batch of events means: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from tracker import errors, events, tokens
from tracker.errors import TrackerError

_LONGEST_WAIT_SECONDS = 60.0
# The refusals that say something of the event itself: asking again would be answered the same.
_FINAL: dict[str, type[TrackerError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidEvent,
        events.EventTooLarge,
        errors.JobNotFound,
        errors.JobExists,
        errors.JobFinished,
        errors.JobPruned,
        errors.DuplicateEvent,
        tokens.Forbidden,
    )
}
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Place(Struct, frozen=True):
    """Where an event was recorded; ``timestamp`` as the server writes it."""

    position: int
    sequence: int
    timestamp: str


class Accepted(Struct, frozen=True):
    """All of the batch is durable."""

    places: list[Place]


class Refused(Struct, frozen=True):
    """Nothing was recorded, because of the event at ``index``."""

    index: int
    error: TrackerError


class TooLarge(Struct, frozen=True):
    """The batch is larger than the server takes: send less at once."""


class Later(Struct, frozen=True):
    """Nothing is known to be recorded: send it again, after ``seconds`` if the server asked for that.

    ``is_theirs``: the server is there, and does not want it from us (a token, another version): a person must look.
    """

    reason: str
    seconds: float | None = None
    is_theirs: bool = False


Meaning: TypeAlias = Accepted | Refused | TooLarge | Later


def meaning(status: int, headers: Mapping[str, str], data: bytes, count: int) -> Meaning:
    """What an answer to a batch of ``count`` events means."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Later(f"what answers is not a tracker's server (HTTP {status})", is_theirs=True)
    if status == 200:
        return _accepted(body, count)
    code, text = str(body.get("code")), str(body.get("error"))
    index = body.get("index", 0 if count == 1 else None)
    if code in _FINAL and type(index) is int and 0 <= index < count and status < 500:
        return Refused(index, _error(_FINAL[code], text, body))
    if status == 413:
        return TooLarge()
    is_theirs = 400 <= status < 500 and status not in (408, 429)
    return Later(text or f"HTTP {status}", _seconds(headers), is_theirs)


def _accepted(body: dict[str, Any], count: int) -> Meaning:
    try:
        places = msgspec.convert(body["events"], list[Place])
    except (KeyError, msgspec.ValidationError):
        places = []
    if len(places) != count:
        return Later("the server answers as another version of it would", is_theirs=True)
    return Accepted(places)


def _error(kind: type[TrackerError], text: str, body: dict[str, Any]) -> TrackerError:
    error = kind.__new__(kind, text)
    error.args = (text,)
    for name in kind.public_fields:
        setattr(error, name, body.get(name))
    return error


def _seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isascii() and text.isdigit() else None
