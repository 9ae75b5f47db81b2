"""``/jobs/diff``: two jobs, or a job and the typical one, held against each other."""

from __future__ import annotations

from aiohttp import web

from tracker.comparison_log import compare
from tracker.errors import InvalidQuery
from tracker.times import now

from .context import context, json_response
from .requests import allow

routes = web.RouteTableDef()


@routes.get("/jobs/diff")
async def compare_jobs(request: web.Request) -> web.Response:
    """Where two runs part, and how long each of their stages took."""
    allow(request, "a", "b")
    body = await compare(context(request).reader, _job(request, "a"), _job(request, "b"), now())
    return json_response({"success": True, "diff": body})


def _job(request: web.Request, name: str) -> str:
    named = request.query.getall(name, [])
    if len(named) != 1 or not named[0]:
        raise InvalidQuery.of(name, "is missing" if not any(named) else "is given more than once")
    return named[0]
