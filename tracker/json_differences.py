"""Where two JSON values differ: paths with both values. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

Difference: TypeAlias = tuple[str, Any, Any]
MAX_SHOWN = 300  # characters of a value
_MISSING = object()
_encode = msgspec.json.Encoder().encode


def differences(path: str, one: Any, other: Any) -> Iterator[Difference]:
    """Each place where they differ, as ``result.faces[0].name`` below ``path``, in the order of the first value.

    None stands for what is not there, and for null. A value of more than 300 characters of JSON is cut to its text.
    """
    for place, left, right in _walk(path, one, other):
        yield place, shown(left), shown(right)


def shown(value: Any) -> Any:
    """A value of a bounded size."""
    if value is _MISSING:
        return None
    text = _encode(value).decode()
    return value if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _walk(path: str, one: Any, other: Any) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in (*one, *(name for name in other if name not in one)):
            yield from _walk(_below(path, name), one.get(name, _MISSING), other.get(name, _MISSING))
    elif isinstance(one, list) and isinstance(other, list):
        for index in range(max(len(one), len(other))):
            left = one[index] if index < len(one) else _MISSING
            right = other[index] if index < len(other) else _MISSING
            yield from _walk(f"{path}[{index}]", left, right)
    elif not _same(one, other):
        yield path, one, other


def _same(one: Any, other: Any) -> bool:
    # In Python True is 1; in JSON it is not.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _below(path: str, name: str) -> str:
    if not name.isidentifier():
        return f"{path}[{_encode(name).decode()}]"
    return f"{path}.{name}" if path else name
