"""Cursors of the list of jobs: where a page ended, bound to what was asked. Opaque to clients."""

from __future__ import annotations

import base64
import hashlib
from typing import TypeAlias

import msgspec

from tracker.errors import InvalidQuery
from tracker.job_query import AsOf, JobQuery, Place

_Content: TypeAlias = tuple[str, float, int]
_decode = msgspec.json.Decoder(_Content).decode
_MAX_LENGTH = 200
_MAX_VALUE = 2**63


def write_cursor(query: JobQuery, as_of: AsOf | None, place: Place) -> str:
    """The cursor of the page that ended at ``place``."""
    content = msgspec.json.encode((_name(query, as_of), place.value, place.started_position))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read_cursor(query: JobQuery, as_of: AsOf | None, text: str | None) -> Place | None:
    """The place of a cursor that :func:`write_cursor` gave for the same query; else raises :class:`InvalidQuery`."""
    if text is None:
        return None
    name, value, started_position = _content(text)
    if name != _name(query, as_of):
        raise InvalidQuery("cursor", text, "is of another query: keep the filters and the sort while you page")
    return Place(value, started_position)


def _content(text: str) -> _Content:
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError
        content: _Content = _decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except ValueError as error:  # msgspec's and binascii's are
        raise InvalidQuery("cursor", text, "is not one that this server gave") from error
    if not (abs(content[1]) < _MAX_VALUE and 0 <= content[2] < _MAX_VALUE):
        raise InvalidQuery("cursor", text, "is not one that this server gave")
    return content


def _name(query: JobQuery, as_of: AsOf | None) -> str:
    # Not the prefixes of a token: what it may see is checked on every page.
    asked = msgspec.structs.replace(query, job_prefixes=frozenset(), as_of=None)
    return hashlib.blake2s(msgspec.json.encode((asked, as_of)), digest_size=6).hexdigest()
