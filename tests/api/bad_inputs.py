"""What clients must not send, and what lies just within the limits: the same over HTTP and over a WebSocket.

Every message is one about the job ``job``, which was started and is active.
"""

from __future__ import annotations

import json
from typing import Any

MAX_INTEGER = 2**53 - 1
PAYLOAD_LIMIT = 64 * 1024


def text(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def progress(**fields: Any) -> bytes:
    """A good report with some fields changed; ``...`` leaves one out."""
    good = {"type": "job_progress", "job_id": "job", "stage": "importing", "progress": 1.0}
    return text(**{name: value for name, value in {**good, **fields}.items() if value is not ...})


def raw(value: str | bytes, field: str = "progress") -> bytes:
    """A report with a field that no JSON library would write."""
    data = value if isinstance(value, bytes) else value.encode()
    return progress(**{field: "@"}).replace(b'"@"', data)


def nested(levels: int) -> dict[str, Any]:
    """An object of so many levels."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def with_payload_of(size: int) -> bytes:
    """A ``photo_info`` whose stored content has exactly ``size`` bytes (the object ``photo_data`` alone)."""
    empty = len(b'{"photo_data":{"a":""}}')
    message = {"type": "photo_info", "job_id": "job", "photo_data": {"a": "x" * (size - empty)}}
    return json.dumps(message, separators=(",", ":")).encode()


def started(**fields: Any) -> bytes:
    return text(**{"type": "job_started", "job_id": "other", **fields})


def ended(**fields: Any) -> bytes:
    return text(**{"type": "job_completed", "job_id": "job", **fields})


def error(**fields: Any) -> bytes:
    good = {"type": "error_occurred", "job_id": "job", "error_type": "io", "error_message": "lost"}
    return text(**{name: value for name, value in {**good, **fields}.items() if value is not ...})


_NOT_JSON = {
    "nothing": b"",
    "white space": b"  ",
    "half an object": progress()[:-1],
    "a trailing comma": progress()[:-1] + b",}",
    "two values": progress() + progress(),
    "a byte order mark": b"\xef\xbb\xbf" + progress(),
    "NaN": raw("NaN"),
    "Infinity": raw("Infinity"),
    "minus Infinity": raw("-Infinity"),
    "NaN in the details": raw('{"a":NaN}', "details"),
    "a number beyond all": raw("1e999"),
    "a number of 5,000 digits": raw("1" * 5000),
    "a lone surrogate": raw('"\\ud800"', "message"),
    "a reversed pair of surrogates": raw('"\\udc00\\ud800"', "message"),
    "an encoded surrogate": raw(b'"\xed\xa0\x80"', "message"),
    "bytes that are not UTF-8": raw(b'"\xff\xfe"', "message"),
    "an overlong NUL": raw(b'"\xc0\x80"', "message"),
    "a raw NUL": raw(b'"\x00"', "message"),
    "a raw line break": raw(b'"a\nb"', "message"),
    "brackets without end": b"[" * 60_000,
    "braces without end": b'{"a":' * 10_000,
    "brackets nested 15,000 deep": raw("[" * 15_000 + "]" * 15_000, "details"),
    "objects nested 5,000 deep": raw('{"a":' * 5_000 + "1" + "}" * 5_000, "details"),
    "brackets side by side": raw("[" + "[]," * 20_000 + "[]]", "details"),
}
_SHAPES = {
    "a number": b"1",
    "a text": b'"ping"',
    "null": b"null",
    "no fields": b"{}",
    "no type": progress(type=...),
    "an unknown type": progress(type="job_exploded"),
    "a type that is a list": progress(type=["job_progress"]),
    "a type that is an object": progress(type={"a": 1}),
    "no job": progress(job_id=...),
    "a job that is null": progress(job_id=None),
    "a job that is a number": progress(job_id=1),
    "a job that is a list": progress(job_id=["job"]),
    "a job without a name": progress(job_id=""),
    "a job of 201 characters": started(job_id="x" * 201),
    "a job with a NUL": started(job_id="a\0b"),
    "a job with a line break": started(job_id="a\nb"),
    "a job with a text direction": started(job_id="a\u202eb"),
    "an event_id that is a number": progress(event_id=1),
    "an empty event_id": progress(event_id=""),
    "an event_id of 201 characters": progress(event_id="x" * 201),
    "a photo_id that is an object": started(photo_id={}),
    "a photo_id that is a fraction": started(photo_id=1.5),
    "a photo_id that is true": started(photo_id=True),
    "an empty photo_id": started(photo_id=""),
    "a photo_id beyond 2^53": started(photo_id=MAX_INTEGER + 1),
    "a photo_id below -2^53": started(photo_id=-MAX_INTEGER - 1),
    "a photo_info that is a text": started(photo_info="IMG"),
    "stages that are a text": started(stages="one"),
    "no stages in a list": started(stages=[]),
    "a stage twice": started(stages=["one", "one"]),
    "a stage that every job has": started(stages=["one", "completed"]),
    "stages of numbers": started(stages=[1, 2]),
    "101 stages": started(stages=[str(number) for number in range(101)]),
    "an extra that is a number": progress(extra=5),
}
_FIELDS = {
    "progress 101": progress(progress=101),
    "progress just above 100": progress(progress=100.0000001),
    "progress -1": progress(progress=-1),
    "progress just below 0": progress(progress=-0.0000001),
    "progress beyond integers": progress(progress=10**25),
    "progress that is a word": progress(progress="abc"),
    "progress that is a number in quotes": progress(progress="50"),
    "progress that is true": progress(progress=True),
    "progress that is null": progress(progress=None),
    "progress that is a list": progress(progress=[]),
    "no progress": progress(progress=...),
    "an unknown stage": progress(stage="polishing"),
    "a stage in capitals": progress(stage="IMPORTING"),
    "a stage that is null": progress(stage=None),
    "a stage that is a number": progress(stage=1),
    "a stage that is a list": progress(stage=["importing"]),
    "an empty stage": progress(stage=""),
    "no stage": progress(stage=...),
    "details that are a text": progress(details="iso"),
    "details that are a number": progress(details=1),
    "details that are true": progress(details=True),
    "details that are a list": progress(details=[1]),
    "details of 33 levels": progress(details=nested(33)),
    "details of 500 levels": progress(details=nested(500)),
    "details with a NUL": progress(details={"a": "b\0"}),
    "details with a NUL in a name": progress(details={"a\0": 1}),
    "details with an integer beyond 2^53": progress(details={"a": [MAX_INTEGER + 1]}),
    "details with an integer below -2^53": progress(details={"a": [-MAX_INTEGER - 1]}),
    "an unknown field with an integer beyond 2^53": progress(iso=MAX_INTEGER + 1),
    "an unknown field of 33 levels": progress(exif=nested(32)),
    "a message with a NUL": progress(message="a\0b"),
    "a message that is a number": progress(message=5),
    "a message that is an object": progress(message={}),
    "a completed stage without a name": text(type="stage_completed", job_id="job"),
    "a result that is a text": text(type="stage_completed", job_id="job", stage="importing", result="good"),
    "photo data that is a list": text(type="photo_info", job_id="job", photo_data=[1]),
    "an error without a type": error(error_type=...),
    "an error with an empty type": error(error_type=""),
    "an error without a message": error(error_message=...),
    "an error with an object for a message": error(error_message={}),
    "an error in an unknown stage": error(stage="polishing"),
    "a completion that failed": ended(success=False),
    "a completion with a word for success": ended(success="yes"),
    "a duration below zero": ended(duration=-0.5),
    "a duration that is a word": ended(duration="long"),
    "a failure that succeeded": text(type="job_failed", job_id="job", success=True),
}
INVALID = {**_NOT_JSON, **_SHAPES, **_FIELDS}
"""Refused with 400 ``invalid_event`` over HTTP, with an error message over a WebSocket."""

REFUSED = {
    "an unknown job": (progress(job_id="nobody"), 404, "job_not_found"),
    "an unknown job's end": (ended(job_id="nobody"), 404, "job_not_found"),
    "a job started again with other content": (started(job_id="job", photo_id=9), 409, "job_exists"),
    "a finished job": (progress(job_id="done"), 409, "job_finished"),
    "a second end": (ended(job_id="done"), 409, "job_finished"),
    "an event_id with other content": (progress(event_id="first", progress=2), 409, "duplicate_event"),
    "an event_id with another job": (started(job_id="other", event_id="first"), 409, "duplicate_event"),
    "content of more than 64 KiB": (with_payload_of(PAYLOAD_LIMIT + 1), 413, "event_too_large"),
}

GOOD = {
    "progress 0": progress(progress=0),
    "progress 100": progress(progress=100),
    "progress as an integer of Lua": raw("25.0"),
    "progress in powers of ten": raw("1e1"),
    "a photo_id of Lua": started().replace(b"}", b',"photo_id":386.0}'),
    "the greatest photo_id": started(photo_id=MAX_INTEGER),
    "the least photo_id": started(photo_id=-MAX_INTEGER),
    "a photo_id in letters": started(photo_id="IMG_001"),
    "no photo_id": started(photo_id=None),
    "a job of 200 characters": started(job_id="x" * 200),
    "a job of many scripts": started(job_id="Grüße/写真 #1?%&{}"),
    "100 stages": started(stages=[str(number) for number in range(100)]),
    "details of 32 levels": progress(details=nested(32)),
    "the integers at the limit": progress(details={"a": [MAX_INTEGER, -MAX_INTEGER]}),
    "an empty array for an object": progress(details=[]),
    "null for an object": progress(details=None),
    "a timestamp of Lightroom": progress(timestamp=784_372_800.5),
    "a timestamp that is none": progress(timestamp={"a": []}),
    "a timestamp with a NUL": progress(timestamp="2025-11-09\x0010:30:00"),
    "duplicate keys": progress()[:-1] + b',"progress":2}',
    "a pair of surrogates": raw('"\\ud83d\\ude00"', "message"),
    "what the log gives by itself": progress(position=10**9, sequence=-1, prev=0, stages_completed="x"),
    "brackets in a text": progress(message="[{" * 5_000),
}
