"""What may stand in an event: checks shared by every way in.

The limits are those of ``docs/protocol.md``, "Bad input". Each check raises :class:`InvalidEvent` naming the
field, so a caller in Python, over HTTP or over a WebSocket reads the same sentence.
"""

from __future__ import annotations

import math
from typing import Any

from tracker.errors import InvalidEvent

MAX_NESTING = 32
MAX_INTEGER = 2**53 - 1  # the largest integer that every JSON reader, JavaScript's included, keeps exact
MAX_IDENTIFIER = 200
_SCALARS = frozenset({type(None), bool})
_BASES: tuple[Any, ...] = (str, int, float, dict, list, tuple)


def check_identifier(field: str, value: object) -> None:
    """Demand 1 to 200 printable characters."""
    if type(value) is not str:
        raise InvalidEvent(field, value, "must be a string")
    if not 0 < len(value) <= MAX_IDENTIFIER:
        raise InvalidEvent(field, value, f"must have 1 to {MAX_IDENTIFIER} characters")
    if not value.isprintable():
        raise InvalidEvent(field, value, "must have only printable characters")


def check_text(field: str, value: object) -> None:
    """Demand a string that every database and every JSON reader can hold."""
    if type(value) is not str:
        raise InvalidEvent(field, value, "must be a string")
    # isascii() first: it is one flag of the string object, and most messages are ASCII.
    if "\0" in value:
        raise InvalidEvent(field, value, "must not contain a NUL character")
    if not value.isascii() and not _is_encodable(value):
        raise InvalidEvent(field, value, "must not contain lone surrogates")


def is_storable(text: str) -> bool:
    """Whether a log can hold it: what it cannot, no event has, and databases refuse to look for."""
    return "\0" not in text and _is_encodable(text)


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_number(field: str, value: object) -> float:
    """Demand a finite number; returns it as a float."""
    if type(value) not in (float, int):
        raise InvalidEvent(field, value, "must be a number")
    if type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise InvalidEvent(field, value, "integers must be within ±(2^53-1)")
    number = float(value)  # type: ignore[arg-type]  # narrowed by the lines above
    if not math.isfinite(number):
        raise InvalidEvent(field, value, "must be finite")
    return number


def finite(text: str) -> float:
    """A number of a JSON text; ``ValueError`` if it is out of range. For decoders, as their ``float_hook``."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def check_object(field: str, value: object) -> None:
    """Demand a dictionary of JSON values: string keys, finite numbers, exact integers, 32 levels at most."""
    if type(value) is dict and _is_flat(value):
        return
    if not isinstance(value, dict):
        raise InvalidEvent(field, value, "must be a dictionary (a JSON object)")
    _check_value(field, value, 1)


def _is_flat(value: dict[Any, Any]) -> bool:
    """Whether a dictionary is fine at first sight, as most are: plain ASCII text and numbers, and nothing nested."""
    for key, item in value.items():
        if type(key) is not str or not key.isascii() or "\0" in key:
            return False
        kind = type(item)
        if kind is str:
            if not item.isascii() or "\0" in item:
                return False
        elif kind is int:
            if not -MAX_INTEGER <= item <= MAX_INTEGER:
                return False
        elif kind is float:
            if not math.isfinite(item):
                return False
        elif kind not in _SCALARS:
            return False
    return True


def _check_value(field: str, value: Any, level: int) -> None:
    kind = type(value)
    if kind is str:
        check_text(field, value)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InvalidEvent(field, value, "integers must be within ±(2^53-1)")
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidEvent(field, value, "numbers must be finite")
    elif kind is dict or kind is list or kind is tuple:
        _check_container(field, value, level)
    elif kind not in _SCALARS:
        _check_value(field, plain(field, value), level)


def plain(field: str, value: Any) -> Any:
    """The JSON value behind an instance of a subclass (an enumeration, an ``OrderedDict``, ``numpy.float64``)."""
    for base in _BASES:
        if isinstance(value, base):
            # The base's own conversion: str() of a string enumeration is its name, not its value.
            return str.__str__(value) if base is str else base(value)
    kind = type(value)
    raise InvalidEvent.of(field, f"{kind.__module__}.{kind.__qualname__} is not a JSON value")


def _check_container(field: str, value: Any, level: int) -> None:
    if level > MAX_NESTING:
        raise InvalidEvent.of(field.partition(".")[0], f"nested more than {MAX_NESTING} levels deep")
    if type(value) is not dict:
        for index, item in enumerate(value):
            if not _is_plain(item):
                _check_value(f"{field}[{index}]", item, level + 1)
        return
    for key, item in value.items():
        if type(key) is not str:
            raise InvalidEvent(field, key, "keys must be strings")
        if "\0" in key or not key.isascii():
            check_text(f"{field} key", key)
        if not _is_plain(item):
            _check_value(f"{field}.{key}", item, level + 1)


def _is_plain(value: Any) -> bool:
    """Whether a value is fine at first sight, as nearly all are: the place of a fault is made for the others only."""
    kind = type(value)
    if kind is str:
        return "\0" not in value and (value.isascii() or _is_encodable(value))
    if kind is int:
        return bool(-MAX_INTEGER <= value <= MAX_INTEGER)
    if kind is float:
        return math.isfinite(value)
    return kind in _SCALARS
