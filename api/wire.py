"""Bytes and values: what is read from clients and written to them. Knows no web framework."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tracker import plain_intake
from tracker.errors import InvalidEvent
from tracker.events import Event
from tracker.feed import StreamedEvent
from tracker.json_values import finite

MAX_BODY_BYTES = 256 * 1024
MAX_MESSAGE_BYTES = 64 * 1024
_MAX_BRACKETS = 20_000

_encode = msgspec.json.Encoder().encode


# Numbers with an exponent are left to Python: msgspec takes 10 µs for one like 1e300, half a second for a body of them.
_EXPONENT = re.compile(rb"\d[eE]")
_decode = msgspec.json.Decoder().decode
_decode_exponents = msgspec.json.Decoder(float_hook=finite).decode


def parse(data: bytes) -> Any:
    """The JSON value of a body or message.

    Raises:
        InvalidEvent: If it is not JSON, not UTF-8, or a thicket of brackets made to keep a parser busy.
    """
    _refuse_thickets(data)
    try:
        return _decode_exponents(data) if _EXPONENT.search(data) else _decode(data)
    except UnicodeDecodeError as error:
        raise InvalidEvent.of("", "The message is not valid UTF-8.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise InvalidEvent.of("", f"The message is not valid JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidEvent.of("", "The JSON is nested too deeply.") from error


def plain_events(data: bytes) -> list[Event] | None:
    """The events of a body that is a list of plain messages; None if :func:`parse` has to read it.

    Raises:
        InvalidEvent: If it is a thicket of brackets.
    """
    _refuse_thickets(data)
    return plain_intake.plain_events(data)


def _refuse_thickets(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") > _MAX_BRACKETS:
        raise InvalidEvent.of("", "The JSON has too many arrays and objects.")


def encode(value: Any) -> bytes:
    """A value as JSON."""
    return _encode(value)


def encode_text(value: Any) -> str:
    """A value as JSON text."""
    return _encode(value).decode()


def page_body(texts: Iterable[str], **fields: Any) -> bytes:
    """``{"success":true,"events":[…], …fields}``, the stored texts spliced in."""
    rest = "".join(f',"{name}":{encode_text(value)}' for name, value in fields.items())
    return f'{{"success":true,"events":[{",".join(texts)}]{rest}}}'.encode()


def websocket_frames(events: Sequence[StreamedEvent]) -> bytes:
    """The events as WebSocket text frames, joined: one write sends them all."""
    frames: list[bytes] = []
    for event in events:
        data = event.text.encode()
        size = len(data)
        frames += (_HEADS[size] if size < _SHORT else _frame_head(size), data)
    return b"".join(frames)


def websocket_frame(text: str) -> bytes:
    """A whole, unmasked text frame, as servers send them (RFC 6455 section 5.2)."""
    data = text.encode()
    return _frame_head(len(data)) + data


def _frame_head(size: int) -> bytes:
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


# Nearly all messages are short, and making a head takes as long as encoding the message.
_SHORT = 1024
_HEADS = tuple(map(_frame_head, range(_SHORT)))
