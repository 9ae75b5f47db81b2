"""JSON made to keep a server busy: 500 messages of one size, each a costly value in one place of a message.

Some are refused, some are valid and only look for trouble. What all of them must be is cheap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice, product

Value = Callable[[int], bytes]
"""A JSON value (or what pretends to be one) of at most so many bytes."""


def _repeated(item: bytes) -> Value:
    """As many of the same in an array as there is room for."""
    return lambda room: b"[" + b",".join([item] * ((room - 2) // (len(item) + 1))) + b"]"


def _padded(before: bytes, filling: bytes, after: bytes = b"") -> Value:
    return lambda room: before + filling * ((room - len(before) - len(after)) // len(filling)) + after


def _numbered(template: str, most: int = 10**9) -> Value:
    """An object of distinct members; ``#`` is the number."""

    def value(room: int) -> bytes:
        members = [template.replace("#", f"{index:05}").encode() for index in range(min(most, room // len(template)))]
        size = len(members[0]) + 1
        return b"{" + b",".join(members[: (room - 2) // size]) + b"}"

    return value


def _at_most(most: int, item: bytes) -> Value:
    return lambda room: b"[" + b",".join([item] * min(most, (room - 2) // (len(item) + 1))) + b"]"


def _with_last(value: Value, last: bytes) -> Value:
    return lambda room: value(room - len(last) - 1)[:-1] + b"," + last + b"]"


_NUMBERS = {
    "small integers": _repeated(b"1"),
    "the greatest integers": _repeated(b"9007199254740991"),
    "integers a little too great": _repeated(b"9007199254740993"),
    "integers of 300 digits": _repeated(b"7" * 300),
    "one integer of digits": _padded(b"", b"1"),
    "short fractions": _repeated(b"1.5"),
    "powers of ten at the upper end": _repeated(b"9e307"),
    "powers of ten at the lower end": _repeated(b"5e-324"),
    "the greatest number": _repeated(b"1.7976931348623157e308"),
    "the hardest number to read": _repeated(b"2.2250738585072011e-308"),
    "numbers of 700 zeros": _repeated(b"9007199254740993." + b"0" * 700 + b"1"),
    "one fraction of digits": _padded(b"1.", b"1"),
    "an exponent of digits": _padded(b"1e", b"1"),
    "a number beyond all at the end": _with_last(_repeated(b"9e307"), b"1e999"),
}
_TEXTS = {
    "a long text": _padded(b'"', b"x", b'"'),
    "escaped letters": _padded(b'"', b"\\u00e9", b'"'),
    "escaped pairs": _padded(b'"', b"\\ud83d\\ude00", b'"'),
    "escaped controls": _padded(b'"', b"\\u0001", b'"'),
    "escaped quotes": _padded(b'"', b'\\"', b'"'),
    "half a pair at the end": _padded(b'"', b"\\u00e9", b'\\ud800"'),
    "text directions": _padded(b'"', b"\xe2\x80\xae", b'"'),
    "bytes that are not UTF-8": _padded(b'"', b"\xed\xa0\x80", b'"'),
    "short texts": _repeated(b'"\xc3\xa9"'),
    "a NUL at the end": _with_last(_repeated(b'"\xc3\xa9"'), b'"\\u0000"'),
}
_OBJECTS = {
    "many names": _numbered('"k#":1'),
    "many names of other scripts": _numbered('"é#":1'),
    "many escaped names": _numbered('"\\u0001\\u0001#":1'),
    "the same name again and again": _padded(b'{"a":1', b',"a":1', b"}"),
    "a huge name": _padded(b'{"', b"k", b'":1}'),
    "a huge escaped name": _padded(b'{"', b"\\u00e9", b'":1}'),
    "many small objects": _at_most(19_000, b'{"a":1}'),
}
_NESTING = {
    "empty objects side by side": _at_most(19_000, b"{}"),
    "more brackets than are read": _at_most(10**9, b"[]"),
    "900 levels of arrays": lambda _: b"[" * 900 + b"]" * 900,
    "900 levels of objects": lambda _: b'{"a":' * 900 + b"1" + b"}" * 900,
    "arrays as deep as there is room": lambda room: b"[" * (room // 2) + b"]" * (room // 2),
    "arrays that never end": _padded(b"[", b"["),
    "objects that never end": _padded(b'{"a":', b'{"a":'),
    "many arrays of 28 levels": _at_most(650, b"[" * 28 + b"]" * 28),
    "many objects of 28 levels": _at_most(650, b'{"a":' * 28 + b"1" + b"}" * 28),
    "one array too deep at the end": _with_last(_at_most(600, b"[" * 28 + b"]" * 28), b"[" * 40 + b"]" * 40),
}
VALUES: dict[str, Value] = {**_NUMBERS, **_TEXTS, **_OBJECTS, **_NESTING}

_PROGRESS = {"type": "job_progress", "job_id": "job", "stage": "importing", "progress": 1}
_STARTED = {"type": "job_started", "job_id": "another"}
_SUBSCRIBE = {"type": "subscribe", "channels": ["jobs"]}
_HOLE = "@"
_PLACES = {
    "the message": _HOLE,
    "its type": {**_PROGRESS, "type": _HOLE},
    "the job": {**_PROGRESS, "job_id": _HOLE},
    "the progress": {**_PROGRESS, "progress": _HOLE},
    "the message's text": {**_PROGRESS, "message": _HOLE},
    "the details": {**_PROGRESS, "details": _HOLE},
    "the details, below": {**_PROGRESS, "details": {"a": _HOLE}},
    "an unknown field": {**_PROGRESS, "exif": _HOLE},
    "the time": {**_PROGRESS, "timestamp": _HOLE},
    "the ref": {"type": "ping", "ref": _HOLE},
    "the stages": {**_STARTED, "stages": _HOLE},
    "the channels": {**_SUBSCRIBE, "channels": _HOLE},
    "the cursor": {**_SUBSCRIBE, "after": _HOLE},
}


def bombs(size: int, every: int = 1) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of ``every`` so-manieth; none has more than ``size``, most have nearly as many."""
    for place, name in islice(product(_PLACES, VALUES), 0, None, every):
        text = json.dumps(_PLACES[place], separators=(",", ":")).encode()
        before, after = text.split(json.dumps(_HOLE).encode())
        data = before + VALUES[name](size - len(before) - len(after)) + after
        if len(data) > size:
            raise AssertionError(f"{name} as {place} has {len(data)} bytes")
        yield f"{name} as {place}", data


def crowds() -> Iterator[tuple[str, bytes]]:
    """Lists of a thousand messages, each cheap by itself; for ``/ws/send``, whose answer has an answer to each."""
    unknown = {**_PROGRESS, "job_id": "nobody"}
    many_channels = {**_SUBSCRIBE, "channels": [f"job:{index}" for index in range(999)]}
    for name, messages in {
        "pings": [{"type": "ping"}] * 1000,
        "reports": [_PROGRESS] * 1000,
        "reports of an unknown job": [unknown] * 1000,
        "reports of an unknown stage": [{**_PROGRESS, "stage": "polishing"}] * 1000,
        "messages of an unknown type": [{"type": "x" * 200}] * 1000,
        "numbers": [1] * 1000,
        "subscriptions of a client with 1,000 channels": [many_channels, *[_SUBSCRIBE] * 999],
        "subscriptions from the beginning": [many_channels, *[{**_SUBSCRIBE, "after": 0}] * 999],
        "100 subscriptions of a client with 1,000 channels": [many_channels, *[_SUBSCRIBE] * 99],
        "unsubscriptions in turn": [many_channels, *[_SUBSCRIBE, {**_SUBSCRIBE, "type": "unsubscribe"}] * 499],
        "unknown channels": [{**_SUBSCRIBE, "channels": [f"x{index}"]} for index in range(1000)],
        "more messages than are read": [1] * 100_000,
    }.items():
        yield name, json.dumps(messages, separators=(",", ":")).encode()
