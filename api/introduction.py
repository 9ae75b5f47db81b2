"""A WebSocket client that says its token in a message: browsers cannot send it with the upgrade."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tracker.errors import InvalidQuery, TrackerError
from tracker.tokens import Access, Unauthorized

from . import problems, wire
from .context import Context
from .gate import Gate
from .session import plain_ref

AUTH = "auth"


async def introduced(
    socket: web.WebSocketResponse, gate: Gate, address: str, patience_seconds: float
) -> Context | None:
    """What the client may use, by the token of its first message; None if it has none, and was sent away."""
    try:
        async with asyncio.timeout(patience_seconds):
            message = _parsed(await socket.receive())
        context = await authenticated(gate, address, message)
    except TimeoutError:
        error: TrackerError = Unauthorized(f"No token came within {patience_seconds:g} s.")
    except TrackerError as refusal:
        error = refusal
    else:
        await socket.send_str(wire.encode_text(confirmation(context.access, plain_ref(message))))
        return context
    await send_away(socket, error)
    return None


async def authenticated(gate: Gate, address: str, message: Any) -> Context:
    """What the sender of an ``auth`` message may use.

    Raises:
        Unauthorized: If it is no such message, or the token is not good.
        TooManyRequests: If too many tokens that are not good came from its address.
    """
    if not isinstance(message, dict) or message.get("type") != AUTH:
        raise Unauthorized('A token is needed here: send {"type":"auth","token":…} first.')
    token = message.get("token")
    if not isinstance(token, str):
        raise InvalidQuery.of("token", "must be a string")
    return gate.context(await gate.authenticate(token, address))


def confirmation(access: Access, ref: Any = None) -> dict[str, Any]:
    """The answer to a good token."""
    named = {} if ref is None else {"ref": ref}
    return {"type": "authenticated", "name": access.name, "scopes": sorted(access.scopes), **named}


async def send_away(socket: web.WebSocketResponse, error: TrackerError) -> None:
    """Say why, and close."""
    if not socket.closed:
        await socket.send_str(wire.encode_text(problems.reply(error)))
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=error.code.encode())


def _parsed(message: Any) -> Any:
    if message.type is WSMsgType.TEXT:
        return wire.parse(message.data.encode())
    return wire.parse(message.data) if message.type is WSMsgType.BINARY else None
