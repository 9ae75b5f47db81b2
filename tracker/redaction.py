"""Replacing what must not leave the house by tokens that still tell one value from another: pure.

The same value has the same token in every export of one log, whatever its key. A token is an HMAC of the value under
the log's epoch, which a redacted export does not contain: who has only the file cannot try values out. Who knows the
epoch, as every client of the server does, can. Nor does it hide how often and when a value occurs, values under other
keys (a name in a message), or what is in keys themselves.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from tracker.errors import InvalidQuery
from tracker.events import RecordedEvent

_TOKEN_DIGITS = 16
# Without these an event says nothing, or is none; "v" is the version of a payload.
_KEPT = frozenset({"type", "timestamp", "position", "sequence", "occurred_at", "v"}) | frozenset(
    {"stage", "stages", "stages_completed", "progress", "success", "duration"}
)
_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


class Redaction:
    """Replaces the values of some keys, wherever in an event they are."""

    def __init__(self, keys: Sequence[str], secret: str) -> None:
        """``secret``: the log's epoch.

        Raises:
            InvalidQuery: If a key is empty, or one that an event cannot be without.
        """
        for key in keys:
            if not key or key in _KEPT:
                raise InvalidQuery("redact", key, "is no key whose values can be replaced")
        self.keys = tuple(sorted(set(keys)))
        self._secret = secret.encode()

    def event(self, event: RecordedEvent) -> RecordedEvent:
        """The event with its values replaced."""
        payload = event.payload
        # Most payloads have none of the keys; a look at the text saves decoding them. A backslash may spell one.
        if "\\" in payload or any(f'"{key}"' in payload for key in self.keys):
            payload = _encode(self._within(msgspec.json.decode(payload))).decode()
        return replace(
            event,
            job_id=self.job_id(event.job_id),
            event_id=self._token(event.event_id) if event.event_id and "event_id" in self.keys else event.event_id,
            payload=payload,
        )

    def job_id(self, job_id: str) -> str:
        """The job's id, or what stands for it."""
        return self._token(job_id) if "job_id" in self.keys else job_id

    def _within(self, value: Any) -> Any:
        if type(value) is dict:
            return {key: self._value(item) if key in self.keys else self._within(item) for key, item in value.items()}
        return [self._within(item) for item in value] if type(value) is list else value

    def _value(self, value: Any) -> Any:
        # An object stays one, because the fields of an event have types; that there is no value stays known.
        if value is None or value == {}:
            return value
        return {"redacted": self._token(value)} if type(value) is dict else self._token(value)

    def _token(self, value: Any) -> str:
        digest = hmac.new(self._secret, _canonical(value), sha256).hexdigest()
        return f"redacted-{digest[:_TOKEN_DIGITS]}"
