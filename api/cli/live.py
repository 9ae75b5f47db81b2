"""Live events from a server over a WebSocket, for as long as it takes: connects again, and resumes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, TypeAlias

import aiohttp

from api.cli.failures import Failure
from tracker.following import Again, Following, Hand, Message, Notice

Show: TypeAlias = Callable[[str, Message], None]
Tell: TypeAlias = Callable[[str], None]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two attempts to connect
_ANSWER_WITHIN = 10.0
_HEARTBEAT = 25.0
_HELLO = {"type": "register", "client_type": "cli", "client_name": "tracker tail"}


class _Missed(Exception):
    """The stream left something out: connect again, and resume."""


class CaughtUp(Exception):
    """Everything that was in the log is shown."""


async def follow(base: str, following: Following, show: Show, tell: Tell, *, until_caught_up: bool = False) -> NoReturn:
    """Show every event that ``following`` asks for; never returns.

    ``show`` gets an event's text and the message it holds, ``tell`` a sentence about the stream.

    Raises:
        Failure: If no server of ours answers at first, or it refuses the subscription.
        CaughtUp: When everything that was in the log is shown, if that is asked for.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWER_WITHIN, sock_read=_ANSWER_WITHIN)
    pause, is_lost = _FIRST_PAUSE, False
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            try:
                async with _connected(session, base) as socket:
                    await _subscribe(socket, base, following)
                    if is_lost:
                        tell(f"Connected again, going on after position {following.cursor or 0}.")
                    pause, is_lost = _FIRST_PAUSE, False
                    await _listen(socket, following, show, tell, until_caught_up)
            except _Missed:
                tell("Something was missed on the way: asking for it again.")
                continue
            except (aiohttp.ClientError, TimeoutError) as error:
                # No other OSError: what show() raises is no lost connection.
                if following.epoch is None:  # known from the first connection on
                    raise _no_server(base, error) from error
            if not is_lost:
                tell(f"The connection to {base} is lost; trying to connect again.")
            is_lost = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def sentence(notice: Message) -> str | None:
    """What a message that is no event means to a person; None where that is nothing."""
    match notice:
        case {"type": "reset"}:
            return "The server has another log now: showing it from its beginning."
        case {"type": "truncated", "horizon": horizon}:
            return f"Jobs that ended up to position {horizon} were removed by retention, with their events."
        case {"type": "error", "error": error}:
            return f"The server says: {error}"
    return None


def _connected(
    session: aiohttp.ClientSession, base: str
) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
    # Not longer than a second for the goodbye: Ctrl-C is to be prompt.
    goodbye = aiohttp.ClientWSTimeout(ws_close=1.0)
    return session.ws_connect(f"{base}/ws", heartbeat=_HEARTBEAT, timeout=goodbye, max_msg_size=0)


async def _subscribe(socket: aiohttp.ClientWebSocketResponse, base: str, following: Following) -> None:
    welcome = await _welcome(socket)
    if welcome.get("type") != "connection_established":
        if following.epoch is None:
            raise Failure(f"What answers at {base} is not a tracker's server.", "no_server")
        raise aiohttp.ClientError("closed before it said hello")
    following.receive(welcome)
    await socket.send_json(_HELLO)
    await socket.send_json(following.subscription())


async def _welcome(socket: aiohttp.ClientWebSocketResponse) -> Message:
    message = await socket.receive(timeout=_ANSWER_WITHIN)
    try:
        value = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


async def _listen(
    socket: aiohttp.ClientWebSocketResponse, following: Following, show: Show, tell: Tell, until_caught_up: bool
) -> None:
    is_subscribed = False
    async for received in socket:
        if received.type is not aiohttp.WSMsgType.TEXT:
            continue
        match following.receive(json.loads(received.data)):
            case Hand(event=event):
                show(received.data, event)
            case Again():
                raise _Missed
            case Notice(message=notice):
                is_subscribed |= notice.get("type") == "subscription_confirmed"
                if notice.get("type") == "error" and not is_subscribed:
                    raise Failure(f"The server refused: {notice.get('error')}", "server_refused")
                if told := sentence(notice):
                    tell(told)
                if until_caught_up and notice.get("type") == "caught_up":
                    raise CaughtUp


def _no_server(base: str, error: Exception) -> Failure:
    text = f"No server answers at {base}. Start one with `tracker serve`, or name another with --url."
    match error:
        case aiohttp.WSServerHandshakeError(status=status):
            text = f"What answers at {base} is not a tracker's server (HTTP status {status})."
        case aiohttp.ClientConnectorDNSError():
            text = f"There is no host of the name in {base}."
        case TimeoutError():
            text = f"No answer from {base} within {_ANSWER_WITHIN:g} s."
    return Failure(text, "no_server")
