"""``/ws``: the upgrade, and the end of a connection."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .clients import CLIENTS
from .context import allowed
from .gate import GATE, SUBPROTOCOL
from .introduction import introduced
from .metrics import METRICS
from .sockets import hold_little
from .websocket import Connection, SocketChannel
from .wire import MAX_MESSAGE_BYTES

routes = web.RouteTableDef()
_GOODBYE_SECONDS = 2.0


@routes.get("/ws", allow_head=False)
async def websocket(request: web.Request) -> web.WebSocketResponse:
    """Talk to one WebSocket client until it leaves."""
    # Spelled out without context managers: with ten thousand idle clients each object a client keeps is counted.
    clients, address = request.app[CLIENTS], request.remote or ""
    clients.take_place(address)
    try:
        socket = _socket(request)
        connection = await _connected(request, socket)
        if connection is None:
            return socket
        clients.add(connection)
        try:
            await connection.run()
        finally:
            clients.discard(connection)
        return socket
    finally:
        clients.give_place(address)


def _socket(request: web.Request) -> web.WebSocketResponse:
    # No compression: the frames of a commit are made once and written to every client as they are.
    return web.WebSocketResponse(
        heartbeat=request.app[GATE].settings.ping_interval_seconds,
        protocols=(SUBPROTOCOL,),
        timeout=_GOODBYE_SECONDS,
        compress=False,
        max_msg_size=MAX_MESSAGE_BYTES + 1,  # the first size that aiohttp refuses
    )


async def _connected(request: web.Request, socket: web.WebSocketResponse) -> Connection | None:
    """The client's connection once it is upgraded; None if it left meanwhile, or has no good token."""
    try:
        await socket.prepare(request)
    except ConnectionError:
        return None
    transport = request.transport
    if not isinstance(transport, asyncio.Transport):
        return None
    hold_little(transport)
    gate, address = request.app[GATE], request.remote or ""
    context = allowed(request) or await introduced(socket, gate, address, gate.settings.auth_timeout_seconds)
    if context is None:
        return None
    patience, on_cut = gate.settings.send_timeout_seconds, request.app[METRICS].cut_slow_client
    channel = SocketChannel(socket, transport, patience, on_cut)
    return Connection(gate, context, socket, channel, address)
