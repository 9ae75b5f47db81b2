"""``/events/stream``: the log as Server-Sent Events."""

from __future__ import annotations

import asyncio

from aiohttp import HttpVersion11, web

from tracker.times import now

from .clients import CLIENTS
from .context import context
from .metrics import METRICS
from .requests import EVENT_PARAMETERS, allow, event_filter, start
from .server_sent_events import EventStream, EventStreamChannel, encoder
from .session import Session
from .sockets import hold_little, notice_silent_death

routes = web.RouteTableDef()


@routes.get("/events/stream", allow_head=False)
async def stream(request: web.Request) -> web.StreamResponse:
    """Events as they are committed, from now or from a cursor."""
    if request.version < HttpVersion11:
        # nginx speaks HTTP/1.0 to the server behind it unless it is told otherwise.
        raise web.HTTPVersionNotSupported(text="A stream needs HTTP/1.1; a proxy may have to be set to it.")
    allow(request, *EVENT_PARAMETERS)
    wanted = event_filter(request)
    with request.app[CLIENTS].room(request.remote or ""):
        used = context(request)
        head = await used.feed.head()
        begin = start(request, used.feed.tail, head)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            return response  # gone between the request and here
        if used.feed.epoch != head.epoch:
            return response  # another log since then: it asks again, and is told so
        notice_silent_death(transport)
        hold_little(transport)
        patience, on_cut = used.settings.send_timeout_seconds, request.app[METRICS].cut_slow_client
        channel = EventStreamChannel(transport, patience, on_cut, encoder(head.epoch))
        client = EventStream(used.feed, used.access, channel, wanted, begin)
        welcome = Session(client.client_id, now()).welcome(head, now())
        with request.app[CLIENTS].listed(client):
            await client.run(welcome)
    response.force_close()
    return response
