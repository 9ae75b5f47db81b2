"""``/jobs``: history."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tracker.errors import InvalidQuery
from tracker.messages import message_text, status
from tracker.times import now

from . import wire
from .context import context, json_response, raw_json_response
from .requests import allow, job_status, limit, whole_number

routes = web.RouteTableDef()


@routes.get("/jobs")
async def list_jobs(request: web.Request) -> web.Response:
    """Jobs, newest first; pages stay as they are while new jobs arrive."""
    allow(request, "status", "limit", "cursor")
    size = limit(request)
    found = await context(request).reader.list_jobs(job_status(request), _cursor(request), size + 1)
    at = now()
    body: dict[str, Any] = {"success": True, "jobs": [status(job, at) for job in found[:size]]}
    if len(found) > size:
        body["cursor"] = str(found[size - 1].started_position)
    return json_response(body)


@routes.get("/jobs/{job_id:[^/]+}")
async def show_job(request: web.Request) -> web.Response:
    """One job's status."""
    allow(request)
    job = await context(request).reader.load_job(request.match_info["job_id"])
    return json_response({"success": True, "job_status": status(job, now())})


@routes.get("/jobs/{job_id:[^/]+}/events")
async def job_events(request: web.Request) -> web.Response:
    """One job's events, in order."""
    allow(request, "after", "limit")
    reader, job_id = context(request).reader, request.match_info["job_id"]
    size, after = limit(request), whole_number(request, "after", 0, 0)
    await reader.load_job(job_id)
    events = await reader.job_events(job_id, after, size + 1)
    more = {"cursor": events[size - 1].position} if len(events) > size else {}
    head = (await reader.head()).position
    return raw_json_response(wire.page_body([message_text(event) for event in events[:size]], **more, head=head))


def _cursor(request: web.Request) -> int | None:
    text = request.query.get("cursor")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise InvalidQuery("cursor", text, "is not one that this server gave")
    return int(text)
