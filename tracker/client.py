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
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TYPE_CHECKING

from tracker.bearer import refused
from tracker.client_socket import connected, new_session, receive, unreachable, welcome
from tracker.errors import ServerRefused, ServerUnreachable
from tracker.following import Again, Following, Hand, Message, Notice, Step
from tracker.server_url import base_url

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientSession

__all__ = ["ServerRefused", "ServerUnreachable", "subscribe"]

_log = logging.getLogger("tracker.client")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0  # seconds between attempts; doubled, with full jitter


async def subscribe(
    url: str,
    *,
    channels: Iterable[str] = ("jobs", "photos"),
    types: Iterable[str] = (),
    after: int | None = None,
    epoch: str | None = None,
    client_name: str | None = None,
    client_type: str = "python",
    patient: bool = True,
    on_notice: Callable[[Message], None] | None = None,
    token: str | None = None,
    ssl: SSLContext | None = None,
) -> AsyncGenerator[Message]:
    """Every event on the channels, from ``after`` on, once and in order, for ever.

    Args:
        url: The server, ``http://host:5100``, or its WebSocket, ``ws://host:5100/ws``.
        channels: ``jobs``, ``photos``, ``job:<job_id>``.
        types: Only events of these types; all by default.
        after: A position, exclusive: 0 is the beginning of the log. None: from now on.
        epoch: The log that ``after`` is of, where it was kept from an earlier run.
        client_name: Shown with ``client_type`` in the server's list of clients.
        client_type: What kind of program this is.
        patient: Try for ever to reach the server also at the first time; else raise ``ServerUnreachable`` then.
        on_notice: Called with each message of the server that is no event, ``caught_up`` among them, and with two of
            this module's own: ``{"type": "disconnected", "error": …}`` when the connection is lost, and ``{"type":
            "missed", "after": …, "prev": …}`` when events are missing and are asked for again. What it raises ends
            the iteration. ``reset`` (another log: it now starts from the beginning) and ``truncated`` (events after
            the cursor were pruned) are logged as warnings in any case.
        token: For a server that asks for one: what ``tracker token create`` printed. No error shows it.
        ssl: Which certificates to trust where the URL is ``https://`` or ``wss://``; else those of the system.

    Raises:
        InvalidQuery: If ``url`` names no server, or ``token`` is none.
        ServerRefused: If the server does not accept the subscription or the token, also when it does no longer.
        ServerUnreachable: If the server cannot be reached at first, and ``patient`` is false.
    """
    from aiohttp import ClientError

    base = base_url(url)
    following = Following(channels, types, after, epoch)
    hello = None
    if client_name is not None:
        hello = {"type": "register", "client_type": client_type, "client_name": client_name}
    tell = _teller(on_notice)
    failures = 0
    async with new_session(base, token) as session:
        while True:
            out_of_reach = None
            try:
                async for step in _connection(session, base, ssl, following, hello):
                    failures = 0
                    if isinstance(step, Hand):
                        yield step.event
                    else:
                        tell(step)
                problem = "the server closed it"
            except (ClientError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
                out_of_reach = unreachable(base, error)
            # Not raised from the error itself: it has the headers that were sent in its repr(), and so the token.
            if out_of_reach and following.epoch is None and not patient:  # it has an epoch from the first time on
                raise out_of_reach
            if failures == 0:
                tell(Notice({"type": "disconnected", "error": problem}))
            _log.info("The connection to %s was lost (%s)", base, problem)
            failures += 1
            await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures)))  # noqa: S311


async def _connection(
    session: ClientSession, base: str, ssl: SSLContext | None, following: Following, hello: Message | None
) -> AsyncGenerator[Step]:
    async with connected(session, base, ssl) as socket:
        yield following.receive(await welcome(socket, base))
        if hello is not None:
            await socket.send_json(hello)
        await socket.send_json(following.subscription())
        while (message := await receive(socket, base)) is not None:
            if message.get("type") == "error" and following.is_asking:
                raise refused(base, message)
            step = following.receive(message)
            yield step
            if isinstance(step, Again):
                await socket.send_json(following.subscription())


def _teller(on_notice: Callable[[Message], None] | None) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        match step:
            case Again(missed_from=start, missed_to=end):
                _log.warning("Events up to %d are missing after %d: asking for them", end, start)
                notice: Message = {"type": "missed", "after": start, "prev": end}
            case Notice(message=notice):
                _warn(notice)
            case _:
                return
        if on_notice is not None:
            on_notice(notice)

    return tell


def _warn(notice: Message) -> None:
    match notice:
        case {"type": "reset", "epoch": epoch}:
            _log.warning("The log is another one (epoch %s): starting from its beginning", epoch)
        case {"type": "truncated", "after": after, "horizon": horizon}:
            _log.warning("Events after %s were pruned, up to %s", after, horizon)
