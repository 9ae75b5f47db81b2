"""A client's connection to a server: opened, read message by message, and what went wrong with it in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from tracker.bearer import REFUSING_STATUSES, bearer_headers, refused, refused_upgrade, sends_away
from tracker.errors import ServerRefused, ServerUnreachable
from tracker.following import Message
from tracker.server_url import websocket_url

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, WSMessage

# Longer than the 10 seconds that a server waits for a token: it then says why it sends a client away.
_ANSWER_SECONDS = 15.0
_SILENCE_SECONDS = 30.0
_GOODBYE_SECONDS = 1.0
_MOST_BODY_BYTES = 16 * 1024
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def new_session(base: str, token: str | None) -> ClientSession:
    """A session that shows this token, and in which a refused upgrade raises :class:`ServerRefused`.

    Raises:
        InvalidQuery: If a header cannot carry the token.
    """
    from aiohttp import ClientSession, ClientTimeout

    timeout = ClientTimeout(total=None, sock_connect=_ANSWER_SECONDS, sock_read=_ANSWER_SECONDS)
    return ClientSession(timeout=timeout, headers=bearer_headers(token), raise_for_status=_demander(base))


@asynccontextmanager
async def connected(
    session: ClientSession, base: str, ssl: SSLContext | None
) -> AsyncIterator[ClientWebSocketResponse]:
    """A connection, for as long as the block lasts.

    Raises:
        ClientError, TimeoutError: If there is none to be had just now; see :func:`unreachable`.
        ServerRefused: If the server does not want this client.
    """
    from aiohttp import ClientWSTimeout

    url, goodbye = websocket_url(base), ClientWSTimeout(ws_close=_GOODBYE_SECONDS)
    async with session.ws_connect(
        url, heartbeat=_SILENCE_SECONDS, timeout=goodbye, max_msg_size=0, ssl=ssl or True
    ) as socket:
        yield socket


async def welcome(socket: ClientWebSocketResponse, base: str) -> Message:
    """The first message of a server. Raises as :func:`connected` does."""
    from aiohttp import ClientError

    async with asyncio.timeout(_ANSWER_SECONDS):
        message = await receive(socket, base)
    if message is None or message.get("type") != "connection_established":
        raise ClientError("it closed before it said hello, or is not a tracker's server")
    return message


async def receive(socket: ClientWebSocketResponse, base: str) -> Message | None:
    """The next message of the server; None when it has closed the connection. Raises as :func:`connected` does."""
    frame = await socket.receive()
    if not isinstance(frame.data, str):
        _demand_goodbye(frame, base)
        return None
    try:
        message = _decode(frame.data)
    except msgspec.DecodeError as error:
        raise _foreign() from error
    if sends_away(message):
        raise refused(base, message)
    return message


def unreachable(base: str, error: Exception) -> ServerUnreachable:
    """Why no server can be reached, for people."""
    from aiohttp import (
        ClientConnectorCertificateError,
        ClientConnectorDNSError,
        ClientConnectorError,
        ClientSSLError,
        WSServerHandshakeError,
    )

    match error:
        case WSServerHandshakeError(status=status):
            text = f"What answers at {base} is not a tracker's server (HTTP status {status})."
        case ClientConnectorCertificateError(certificate_error=reason):
            text = f"The certificate of {base} is not trusted: {getattr(reason, 'verify_message', reason)}."
        case ClientSSLError():
            text = f"What answers at {base} does not speak TLS."
        case ClientConnectorDNSError():
            text = f"There is no host of the name in {base}."
        case ClientConnectorError():
            text = f"No server answers at {base}."
        case TimeoutError():
            text = f"No answer from {base} within {_ANSWER_SECONDS:g} s."
        case _:
            text = f"What answers at {base} is not a tracker's server."
    return ServerUnreachable(base, text)


def _demand_goodbye(frame: WSMessage, base: str) -> None:
    """Raise unless a frame that is no text is the end of the connection."""
    from aiohttp import ClientError, WSCloseCode, WSMsgType

    match frame.type:
        case WSMsgType.CLOSE if frame.data == WSCloseCode.POLICY_VIOLATION:
            raise ServerRefused(base, frame.extra or "it sent this client away.", "not_allowed")
        case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED:
            return
        case WSMsgType.ERROR:  # against the protocol, or silence where an answer to a ping should be
            raise ClientError(str(frame.data) or type(frame.data).__name__)
        case _:
            raise _foreign()


def _foreign() -> Exception:
    from aiohttp import ClientError

    return ClientError("what it sent is no message of a tracker's server")


def _demander(base: str) -> Callable[[ClientResponse], Awaitable[None]]:
    """What looks at the answer to an upgrade: only there can be read why it is refused."""

    async def demand(response: ClientResponse) -> None:
        if response.status in REFUSING_STATUSES:
            raise refused_upgrade(base, response.status, await _beginning(response))

    return demand


async def _beginning(response: ClientResponse) -> bytes:
    from aiohttp import ClientError

    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await response.content.readexactly(_MOST_BODY_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except (ClientError, TimeoutError):
        return b""
