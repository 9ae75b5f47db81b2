"""Payloads of earlier versions, brought to today's where they are read: pure, and in this one place.

A payload says its version in a last field, ``"v"``, from version 2 on; one without it is of version 1, as all are
that today's facts write. What lies in the log is never changed.

To change a fact's fields: change the struct in :mod:`tracker.events`, add a function to its type's
:data:`UPCASTERS`, and record the new fields in ``tests/logs/facts.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
VERSION_FIELD = "v"

# By type: the first function takes a payload of version 1 to version 2, the next to version 3, and so on. Each gets a
# dictionary of its own, keeps photo_id the first field, and knows no clock and no other event.
UPCASTERS: dict[str, tuple[Upcaster, ...]] = {}


class UnknownVersion(ValueError):
    """The payload is of a version that this tracker does not know: a newer one wrote it."""


def version(event_type: str) -> int:
    """The version that payloads of a type have today, from 1."""
    return 1 + len(UPCASTERS.get(event_type, ()))


def stamped(event_type: str, payload: bytes) -> bytes:
    """A payload of today's fields as it is written: with its version, if that is not 1."""
    today = version(event_type)
    return payload if today == 1 else b'%s,"v":%d}' % (payload[:-1], today)


def upcast(event_type: str, payload: str) -> str:
    """A stored payload as it would be written today; the same text if it is of today's version.

    Raises:
        UnknownVersion: If it is of a later version.
    """
    # Nearly always there is nothing to do, and the readers of a whole log come by here for every event.
    steps = UPCASTERS.get(event_type)
    if steps is None or payload.endswith(f',"v":{1 + len(steps)}}}'):
        return payload
    fields: dict[str, Any] = msgspec.json.decode(payload)
    found = fields.pop(VERSION_FIELD, 1)
    if found not in range(1, version(event_type)):
        raise UnknownVersion(f"{event_type} of version {found}; this tracker knows {version(event_type)}")
    for step in steps[found - 1 :]:
        fields = step(fields)
    return stamped(event_type, msgspec.json.encode(fields)).decode()
