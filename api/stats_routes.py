"""``/stats``: what the log counts up to."""

from __future__ import annotations

from aiohttp import web

from tracker.statistics_log import read_statistics
from tracker.statistics_query import read_query
from tracker.times import now

from .context import context, json_response
from .requests import allow

routes = web.RouteTableDef()


@routes.get("/stats")
async def statistics(request: web.Request) -> web.Response:
    """Everything in brief, or by ``group_by``."""
    allow(request, "since", "until", "group_by", "as_of")
    given = request.query
    query = read_query(given.get("since"), given.get("until"), given.get("group_by"), given.get("as_of"))
    return json_response(await read_statistics(context(request).reader, query, now()))
