"""``/jobs``: history."""

from __future__ import annotations

from aiohttp import web

from tracker.job_pages import find_page
from tracker.messages import message_text, status
from tracker.time_travel import find_moment, job_at
from tracker.times import now

from . import wire
from .context import context, json_response, raw_json_response
from .job_queries import as_of, page_query
from .requests import allow, limit, whole_number

routes = web.RouteTableDef()


@routes.get("/jobs")
async def list_jobs(request: web.Request) -> web.Response:
    """Jobs under filters, newest first or as they are to be sorted; pages stay as they are while new jobs arrive."""
    query = page_query(request)
    page = await find_page(context(request).reader, query, now())
    # Of then there is no estimate: what it rests on is the past of today.
    history = await context(request).history() if query.as_of is None else None
    shown = [status(job, page.time, history) for job in page.jobs]
    return json_response({"success": True, "jobs": shown, **page.fields()})


@routes.get("/jobs/{job_id:[^/]+}")
async def show_job(request: web.Request) -> web.Response:
    """One job's status, also as it was."""
    allow(request, "as_of")
    reader, job_id, then = context(request).reader, request.match_info["job_id"], as_of(request)
    if then is None:
        job, history = await reader.load_job(job_id), await context(request).history()
        return json_response({"success": True, "job_status": status(job, now(), history)})
    moment = await find_moment(reader, then, now())
    job = await job_at(reader, job_id, moment.position)
    return json_response({"success": True, "job_status": status(job, moment.time), "as_of": moment.position})


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
