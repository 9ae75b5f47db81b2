"""The short way in for messages that need no leniency: decoded, checked and typed in one step.

Nearly all batches are written by a reporter of ours. For everything else (unknown fields, nulls, numbers with an
exponent, mistakes) there is :func:`tracker.intake.event_from_message`, which reads leniently and says what is wrong. A
test holds the two together: whatever is read here is read there, to the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import attrgetter, or_
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import FieldInfo, fields

from tracker.errors import InvalidEvent
from tracker.events import FACTS, AnyFact, Event
from tracker.json_values import MAX_INTEGER, finite
from tracker.times import is_time

# They have rules of their own.
_LEFT_OUT = frozenset({"occurred_at", "stages_completed"})


def _names(fact: type[AnyFact]) -> tuple[str, ...]:
    return tuple(name for name in fact.__struct_fields__ if name not in _LEFT_OUT)


def _default(field: FieldInfo) -> tuple[Any, ...]:
    if field.required:
        return ()
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return (field.default,)


def _message_type(fact: type[AnyFact]) -> type[Struct]:
    """The fact's fields, and what addresses a message."""
    return msgspec.defstruct(
        fact.__name__,
        [
            ("job_id", str),
            ("event_id", str | None, None),
            ("timestamp", Any, UNSET),
            *((field.name, field.type, *_default(field)) for field in fields(fact) if field.name not in _LEFT_OUT),
        ],
        tag_field="type",
        tag=fact.type,
        forbid_unknown_fields=True,
        kw_only=True,
        frozen=True,
    )


_MESSAGES = {_message_type(fact): fact for fact in FACTS.values()}
_READ: dict[type[Struct], tuple[type[AnyFact], tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {
    message: (fact, _names(fact), attrgetter(*_names(fact))) for message, fact in _MESSAGES.items()
}


# float_hook: msgspec takes 10 µs for a number like 1e300, half a second for a body of them; Python does not.
_Messages = list[reduce(or_, _MESSAGES)]  # type: ignore[misc,valid-type]  # made at run time
_decode = msgspec.json.Decoder(_Messages, float_hook=finite).decode


def plain_events(data: bytes) -> list[Event] | None:
    """The events of a JSON list of messages; None if one of them has to be read with more care, or is wrong."""
    try:
        return [_event(message) for message in _decode(data)]
    except (msgspec.DecodeError, ValueError, RecursionError, InvalidEvent):
        return None


def _event(message: Any) -> Event:
    fact, names, values = _READ[type(message)]
    given = dict(zip(names, values(message), strict=True))
    if type(given.get("duration")) is float and given["duration"] > MAX_INTEGER:
        raise InvalidEvent.of("duration", "an integer of this size is not read as a float")
    if is_time(message.timestamp):
        given["occurred_at"] = message.timestamp
    return Event.of(message.job_id, fact(**given), message.event_id)
