"""``/ws``: the upgrade, and the end of a connection."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .clients import CLIENTS
from .context import CONTEXT
from .sockets import hold_little
from .websocket import Connection, SocketChannel
from .wire import MAX_MESSAGE_BYTES

routes = web.RouteTableDef()
_GOODBYE_SECONDS = 2.0


@routes.get("/ws", allow_head=False)
async def websocket(request: web.Request) -> web.WebSocketResponse:
    """Talk to one WebSocket client until it leaves."""
    with request.app[CLIENTS].room(request.remote or ""):
        return await _talk(request)


async def _talk(request: web.Request) -> web.WebSocketResponse:
    context = request.app[CONTEXT]
    # No compression: the frames of a commit are made once and written to every client as they are.
    socket = web.WebSocketResponse(
        heartbeat=context.settings.ping_interval_seconds,
        timeout=_GOODBYE_SECONDS,
        compress=False,
        max_msg_size=MAX_MESSAGE_BYTES,
    )
    try:
        await socket.prepare(request)
    except ConnectionError:
        return socket  # it left during the upgrade
    transport = request.transport
    if not isinstance(transport, asyncio.Transport):
        return socket  # gone between the request and here
    hold_little(transport)
    channel = SocketChannel(socket, transport, context.settings.send_timeout_seconds)
    connection = Connection(context.feed, context.recorder, socket, channel)
    with request.app[CLIENTS].listed(connection):
        await connection.run()
    return socket
