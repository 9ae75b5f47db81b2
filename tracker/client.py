"""Follow a tracker's log from another program: ``async for event in subscribe(url)``.

::

    async for event in subscribe("http://localhost:5100", channels=["job:job_1"], after=0):
        print(event["type"], event["position"])

A dropped connection, a restarted server or a lost message is nobody's business but this module's: it connects again
and goes on after the last event that was handed on. Every event comes once, in order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tracker.errors import InvalidQuery, TrackerError
from tracker.following import Again, Following, Hand, Message, Notice

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientWebSocketResponse

_log = logging.getLogger("tracker.client")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0  # seconds between attempts; doubled, with full jitter
_SILENCE_SECONDS = 30.0
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class ServerRefused(TrackerError):
    """The server refused the subscription; trying again would not help. ``refusal`` is its code."""

    code = "server_refused"
    public_fields = ("refusal",)

    def __init__(self, text: str, refusal: str) -> None:
        super().__init__(text)
        self.refusal = refusal


async def subscribe(
    url: str,
    *,
    channels: Iterable[str] = ("jobs", "photos"),
    types: Iterable[str] = (),
    after: int | None = None,
    epoch: str | None = None,
    client_name: str | None = None,
    patient: bool = True,
    on_notice: Callable[[Message], None] | None = None,
) -> AsyncIterator[Message]:
    """Every event on the channels, from ``after`` on, once and in order, for ever.

    Args:
        url: The server, ``http://host:5100``, or its WebSocket, ``ws://host:5100/ws``.
        channels: ``jobs``, ``photos``, ``job:<job_id>``.
        types: Only events of these types; all by default.
        after: A position, exclusive: 0 is the beginning of the log. None: from now on.
        epoch: The log that ``after`` is of, where it was kept from an earlier run.
        client_name: Shown in the server's list of clients.
        patient: Try for ever to reach the server also at the first time; else raise ``ConnectionError`` then.
        on_notice: Called with each message that is no event. ``reset`` (another log: it now starts from the
            beginning) and ``truncated`` (events after the cursor were pruned) are logged as warnings in any case.

    Raises:
        ServerRefused: If the server does not accept the subscription.
        ConnectionError: If the server cannot be reached at first, and ``patient`` is false.
    """
    from aiohttp import ClientError, ClientSession, ClientTimeout

    following = Following(channels, types, after, epoch)
    failures = 0 if patient else -1
    async with ClientSession(timeout=ClientTimeout(total=None, sock_connect=10)) as session:
        while True:
            try:
                async for event in _connection(session, websocket_url(url), following, client_name, on_notice):
                    failures = 0
                    yield event
                failures = max(0, failures)
            except (ClientError, OSError, TimeoutError) as error:
                if failures < 0:
                    raise ConnectionError(
                        f"No tracker answers at {url}: {str(error) or type(error).__name__}."
                    ) from error
                failures += 1
                _log.info("The connection to %s was lost (%s)", url, str(error) or type(error).__name__)
            await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures)))  # noqa: S311


def websocket_url(url: str) -> str:
    """The WebSocket of a server given as ``http(s)://…`` or ``ws(s)://…``.

    Raises:
        InvalidQuery: If it is no such URL.
    """
    text = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # a port that is none raises only when it is asked for
    except ValueError:
        host = None
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme) if host else ""
    if scheme not in ("ws", "wss"):
        raise InvalidQuery("url", url, "must be http://HOST:PORT or ws://HOST:PORT/ws")
    path = parts.path.rstrip("/")
    return urlunsplit((scheme, parts.netloc, path if path.endswith("/ws") else f"{path}/ws", "", ""))


async def _connection(
    session: ClientSession,
    url: str,
    following: Following,
    client_name: str | None,
    on_notice: Callable[[Message], None] | None,
) -> AsyncIterator[Message]:
    async with session.ws_connect(url, heartbeat=_SILENCE_SECONDS, max_msg_size=0) as socket:
        if client_name is not None:
            await socket.send_json({"type": "register", "client_type": "python", "client_name": client_name})
        await socket.send_json(following.subscription())
        async for message in _messages(socket):
            match following.receive(message):
                case Hand(event=event):
                    yield event
                case Again(missed_from=start, missed_to=end):
                    _log.warning("Events up to %d are missing after %d: asking for them", end, start)
                    await socket.send_json(following.subscription())
                case Notice(message=notice):
                    _notice(notice, on_notice)


async def _messages(socket: ClientWebSocketResponse) -> AsyncIterator[Message]:
    from aiohttp import WSMsgType

    async for frame in socket:
        if frame.type is WSMsgType.TEXT:
            yield _decode(frame.data)


def _notice(message: Message, on_notice: Callable[[Message], None] | None) -> None:
    kind = message.get("type")
    if kind == "error":
        raise ServerRefused(str(message.get("error")), str(message.get("code")))
    if kind == "reset":
        _log.warning("The log is another one (epoch %s): starting from its beginning", message.get("epoch"))
    elif kind == "truncated":
        _log.warning("Events after %s were pruned, up to %s", message.get("after"), message.get("horizon"))
    if on_notice is not None:
        on_notice(message)
