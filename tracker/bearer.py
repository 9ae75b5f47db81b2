"""A client's token: how it is sent, and how a server says no to who sends it. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from tracker.errors import InvalidQuery, ServerRefused

# HTTP statuses, and codes of errors in messages, to which only another token is an answer.
REFUSING_STATUSES = {401: "unauthorized", 403: "forbidden"}
_REFUSING_CODES = frozenset(REFUSING_STATUSES.values())
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def bearer_headers(token: str | None) -> dict[str, str]:
    """The headers that carry a token; none without one.

    Raises:
        InvalidQuery: If a header cannot carry it; the text is not repeated in the message.
    """
    if token is None:
        return {}
    text = token.strip()
    if not text or " " in text or not (text.isascii() and text.isprintable()):
        raise InvalidQuery.of("token", "must be what `tracker token create` printed")
    return {"Authorization": f"Bearer {text}"}


def refused_upgrade(base: str, status: int, body: bytes) -> ServerRefused:
    """Why the server at ``base`` answered with one of :data:`REFUSING_STATUSES`, in its own words where it has any."""
    try:
        said = _decode(body)
    except msgspec.DecodeError:
        said = {}
    reason = f"this client may not use it (HTTP status {status})."
    return refused(base, {"error": reason, "code": REFUSING_STATUSES[status], **said})


def refused(base: str, error: dict[str, Any]) -> ServerRefused:
    """An ``error`` message of the server at ``base``, as what a program raises."""
    return ServerRefused(base, str(error.get("error")), str(error.get("code")))


def sends_away(message: dict[str, Any]) -> bool:
    """Whether a message says that this client may not be here."""
    return message.get("type") == "error" and message.get("code") in _REFUSING_CODES
