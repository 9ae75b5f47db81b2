"""How a server is named: ``http://host:5100``, with a path before it where a proxy adds one."""

from __future__ import annotations

from urllib.parse import urlsplit

from tracker.errors import InvalidQuery

_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}


def base_url(url: str) -> str:
    """A URL as people write it, as the one that paths are added to.

    ``photos:5100``, ``ws://photos:5100/ws`` and ``http://photos:5100/`` are all ``http://photos:5100``.

    Raises:
        InvalidQuery: If it is no such URL.
    """
    refusal = InvalidQuery("url", url, "must be the address of a server, such as http://127.0.0.1:5100")
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        # A port that is none raises only when it is asked for.
        is_named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise refusal from error
    if parts.scheme not in _SCHEMES or not is_named or "@" in parts.netloc:
        raise refusal
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/ws')}"


def websocket_url(url: str) -> str:
    """The WebSocket of a server.

    Raises:
        InvalidQuery: If ``url`` names no server.
    """
    return f"ws{base_url(url).removeprefix('http')}/ws"
