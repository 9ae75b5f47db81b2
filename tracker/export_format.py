"""The lines of an export: a header, the events as they are sent, the pruned jobs, and an end that proves the rest.

The format is that of ``docs/protocol.md``, "Export". Everything here is pure: text to values and back. What is read is
taken only if it would be written the same, byte for byte, so an export has one form and a flipped bit has no place to
hide.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from tracker.errors import InvalidEvent, TrackerError
from tracker.events import FACTS, MAX_PAYLOAD_BYTES, RecordedEvent, decode_fact
from tracker.json_values import MAX_INTEGER, check_identifier
from tracker.messages import message_text
from tracker.times import iso, microseconds
from tracker.upcasting import UnknownVersion, upcast, version

FORMAT: Literal["jobreel-export"] = "jobreel-export"
FORMAT_VERSION = 1
# An event, its envelope, and what the log adds to the last one of a job.
MAX_LINE_BYTES = 4 * MAX_PAYLOAD_BYTES
_ENVELOPE = frozenset({"type", "job_id", "event_id", "timestamp", "position", "sequence"})


class DamagedExport(TrackerError, ValueError):
    """The file is no export, or not the one that was written. ``line`` is where, from 1; None for the whole file."""

    code = "damaged_export"
    public_fields = ("line",)

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.line = line


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line. ``epoch`` is null where values are redacted: with it, their tokens could be guessed.

    ``whole``: every event of the log, as it is; else some jobs, or a window. ``position`` and ``horizon`` are the
    ends of the log. ``payload_versions`` are those of the seven types.
    """

    format: Literal["jobreel-export"] = FORMAT
    version: int = FORMAT_VERSION
    epoch: str | None
    whole: bool
    redacted: tuple[str, ...] = ()
    payload_versions: dict[str, int]
    position: int
    horizon: int


class PrunedJob(Struct, frozen=True, forbid_unknown_fields=True):
    """A job that was pruned from the log: ``pruned_at`` in ISO 8601, ``last_position`` that of its last event."""

    pruned_job: str
    pruned_at: str
    last_position: int


class End(Struct, frozen=True, kw_only=True):
    """The last line: how much there is, and the SHA-256 of all lines before it."""

    end: Literal["jobreel-export"] = FORMAT
    events: int
    pruned_jobs: int
    first_position: int | None
    last_position: int | None
    sha256: str


_encode = msgspec.json.Encoder().encode
_decode_pruned = msgspec.json.Decoder(PrunedJob).decode


def versions() -> dict[str, int]:
    """The payload versions that this tracker writes."""
    return {name: version(name) for name in FACTS}


def line_of(value: Header | PrunedJob | End) -> bytes:
    """The value as a line, with its end."""
    return _encode(value) + b"\n"


def event_line(event: RecordedEvent) -> bytes:
    """An event exactly as it is sent, as a line with its end."""
    return message_text(event).encode() + b"\n"


def read_header(line: bytes) -> Header:
    """The header of a file's first line.

    Raises:
        DamagedExport: If it is none, or of a version that this tracker does not read.
    """
    found = _object(line)
    if found is None or found.get("format") != FORMAT:
        raise DamagedExport(f"is not the header of a {FORMAT}: this file is none", 1)
    if found.get("version") != FORMAT_VERSION:
        problem = f"is a {FORMAT} of version {found.get('version')!r:.20}, this tracker reads version {FORMAT_VERSION}"
        raise DamagedExport(problem, 1)
    try:
        header = msgspec.convert(found, Header)
    except msgspec.ValidationError as error:
        raise DamagedExport(f"the header is damaged: {error}", 1) from error
    if line_of(header) != line or not _is_sound(header):
        raise DamagedExport("the header is damaged", 1)
    _demand_known(header.payload_versions)
    return header


def read_pruned(line: bytes, number: int) -> PrunedJob:
    """The pruned job of a line, or :class:`DamagedExport`."""
    try:
        pruned = _decode_pruned(line)
        check_identifier("pruned_job", pruned.pruned_job)
        is_same = line_of(pruned) == line and iso(microseconds(pruned.pruned_at)) == pruned.pruned_at
    except (ValueError, TypeError, OverflowError) as error:
        raise DamagedExport(f"is not a pruned job: {error}", number) from error
    if not is_same or not 0 < pruned.last_position <= MAX_INTEGER:
        raise DamagedExport("is not a pruned job as it is written", number)
    return pruned


def read_event(line: bytes, number: int) -> RecordedEvent:
    """The event of a line, its payload as it was stored, checked as any that is reported.

    Raises:
        DamagedExport: If it is none, or not written as events are sent.
    """
    message = _object(line)
    if message is None or message.get("type") not in FACTS:
        raise DamagedExport("is no event", number)
    try:
        event = _recorded(message, line[:-1].decode())
        _check(event, message)
    except (InvalidEvent, UnknownVersion) as error:
        raise DamagedExport(str(error), number) from error
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise DamagedExport("is not an event as it is sent", number) from error
    if event_line(event) != line:
        raise DamagedExport("is not an event as it is sent", number)
    return event


def _recorded(message: dict[str, Any], text: str) -> RecordedEvent:
    # What surrounds the payload is known once the message is decoded, so the payload is what lies between, untouched.
    blank = RecordedEvent(
        message["position"],
        message["job_id"],
        message["sequence"],
        message["type"],
        microseconds(message["timestamp"]),
        message.get("event_id"),
        "{}",
    )
    before = f'{{"type":"{blank.type}","job_id":{_encode(blank.job_id).decode()},'
    after = message_text(blank)[len(before) :]
    payload = "{" + text[len(before) : -len(after)] + "}"
    return msgspec.structs.replace(blank, payload=payload)


def _check(event: RecordedEvent, message: dict[str, Any]) -> None:
    check_identifier("job_id", event.job_id)
    if event.event_id is not None:
        check_identifier("event_id", event.event_id)
    for field, value in (("position", event.position), ("sequence", event.sequence)):
        if type(value) is not int or not 0 < value <= MAX_INTEGER:
            raise InvalidEvent(field, value, "must be a whole number from 1")
    _check_names(event.type, message)
    decode_fact(event.type, upcast(event.type, event.payload)).check()


def _check_names(event_type: str, message: dict[str, Any]) -> None:
    # Names of an earlier version are its upcaster's business.
    if version(event_type) > 1:
        return
    unknown = message.keys() - _ENVELOPE - frozenset(FACTS[event_type].__struct_fields__)
    if unknown or "photo_id" not in message:
        raise InvalidEvent.of(min(unknown, default="photo_id"), "does not belong there" if unknown else "is missing")


def _is_sound(header: Header) -> bool:
    is_named = header.epoch is not None or header.redacted or not header.whole
    return bool(is_named) and 0 <= header.horizon <= header.position <= MAX_INTEGER


def _demand_known(found: dict[str, int]) -> None:
    known = versions()
    for name, number in found.items():
        if name not in known or not 0 < number <= known[name]:
            raise DamagedExport(f"holds {name} of version {number}: a newer tracker wrote it", 1)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if type(found) is dict else None
