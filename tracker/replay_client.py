"""Watch a replay that a server sends.

::

    async for message in replay("http://localhost:5100", {"job_id": "job_1", "speed": 10}):
        print(message["type"])
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from tracker.bearer import refused
from tracker.client_socket import connected, new_session, receive, unreachable, welcome
from tracker.errors import ServerUnreachable
from tracker.following import Message
from tracker.replay_request import REPLAY, read_request
from tracker.server_url import base_url

if TYPE_CHECKING:
    from ssl import SSLContext


async def replay(
    url: str, wanted: dict[str, Any], *, token: str | None = None, ssl: SSLContext | None = None
) -> AsyncGenerator[Message]:
    """Every message of a replay as it comes, from ``replay_started`` to ``replay_finished``.

    Args:
        url: The server, ``http://host:5100``, or its WebSocket, ``ws://host:5100/ws``.
        wanted: The fields of the ``replay`` message: ``job_id``, ``since``, ``until``, ``after``, ``speed``,
            ``max_gap_seconds``.
        token: For a server that asks for one.
        ssl: Which certificates to trust where the URL is ``https://`` or ``wss://``; else those of the system.

    Raises:
        InvalidQuery: If ``url`` names no server, or a field of ``wanted`` makes no sense.
        ServerRefused: If the server does not accept the token or the request; ``refusal`` says why: job_not_found, ….
        ServerUnreachable: If the server cannot be reached, or the connection is lost on the way: a replay is not
            begun again by itself.
    """
    from aiohttp import ClientError

    base = base_url(url)
    read_request(wanted)
    try:
        async with new_session(base, token) as session, connected(session, base, ssl) as socket:
            await welcome(socket, base)
            await socket.send_json({**wanted, "type": REPLAY})
            last = None
            while (message := await receive(socket, base)) is not None:
                if message.get("type") == "error":
                    raise refused(base, message)
                yield message
                if message.get("type") == "replay_finished":
                    return
                last = message.get("position", last)
    except (ClientError, TimeoutError) as error:
        # Not raised from the error itself: it has the headers that were sent in its repr(), and so the token.
        lost = unreachable(base, error)
    else:
        where = "before its first event" if last is None else f"after position {last}"
        lost = ServerUnreachable(base, f"The connection to {base} was lost during the replay, {where}.")
    raise lost
