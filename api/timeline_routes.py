"""``/jobs/{job_id}/timeline``: a job's way through its stages."""

from __future__ import annotations

from aiohttp import web

from tracker.timeline_answer import timeline_answer
from tracker.timeline_log import read_timeline
from tracker.times import now

from .context import context, json_response
from .requests import allow

routes = web.RouteTableDef()


@routes.get("/jobs/{job_id:[^/]+}/timeline")
async def job_timeline(request: web.Request) -> web.Response:
    """One job's stages, the gaps between them, its progress and its errors, in the order of time."""
    allow(request)
    timeline = await read_timeline(context(request).reader, request.match_info["job_id"])
    return json_response({"success": True, "timeline": timeline_answer(timeline, now())})
