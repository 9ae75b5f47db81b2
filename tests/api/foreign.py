"""Servers of a test's own: what a tracker's server says in rare moments, and what others say."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import web

Talk: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
WELCOME = {"type": "connection_established", "epoch": "e", "head": 9, "horizon": 0}
CONFIRMED = {"type": "subscription_confirmed", "channels": ["jobs"], "after": 0}
UNAUTHORIZED = {"type": "error", "error": "It is not known here.", "code": "unauthorized", "ref": None}


def event(position: int) -> dict[str, Any]:
    return {"type": "job_started", "job_id": "j", "sequence": 1, "position": position, "prev": position - 1}


class Foreign:
    """Answers each request for ``/ws`` by the next of ``talks``, and those after the last by the last one.

    ``shown``: what each request had as its Authorization.
    """

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self.shown: list[str | None] = []

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Its address, for as long as the block lasts."""
        app = web.Application()
        app.router.add_get("/ws", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.shown.append(request.headers.get("Authorization"))
        talk = self._talks.pop(0) if len(self._talks) > 1 else self._talks[0]
        return await talk(request)


def refusing(status: int, body: Any) -> Talk:
    """No upgrade: a status and a body, JSON unless it is bytes."""

    async def talk(_: web.Request) -> web.Response:
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, content_type="text/html")
        return web.json_response(body, status=status)

    return talk


def saying(
    *first: Any,
    then: tuple[Any, ...] = (),
    again: tuple[Any, ...] = (),
    code: int | None = None,
    reason: bytes = b"",
    heard: list[Any] | None = None,
) -> Talk:
    """Says ``first``, and ``then`` and ``again`` when it is asked for a subscription; stays, or closes with a code.

    What is said is a message, or text or bytes as they are. ``heard`` gets the subscriptions.
    """
    subscriptions = [] if heard is None else heard

    async def talk(request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(autoping=False)
        await client.prepare(request)
        await _say(client, first)
        for answer in filter(None, (then, again)):
            while (message := await client.receive_json())["type"] != "subscribe":
                pass
            subscriptions.append(message)
            await _say(client, answer)
        if code is None:
            async for _ in client:
                pass
        await client.close(code=code or 1000, message=reason)
        return client

    return talk


async def _say(client: web.WebSocketResponse, messages: tuple[Any, ...]) -> None:
    for message in messages:
        if isinstance(message, bytes):
            await client.send_bytes(message)
        else:
            await client.send_str(message if isinstance(message, str) else json.dumps(message))
