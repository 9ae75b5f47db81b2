"""``/progress``: the state of jobs, and the calls of the Python API in HTTP's form."""

from __future__ import annotations

from aiohttp import web

from tracker.errors import InvalidEvent
from tracker.events import (
    ErrorReported,
    JobCompleted,
    JobFailed,
    JobStarted,
    PhotoInfoSent,
    ProgressUpdated,
    StageCompleted,
)
from tracker.intake import event_from_message
from tracker.messages import status
from tracker.times import now

from .context import context, json_response, record
from .requests import json_object

routes = web.RouteTableDef()


@routes.get("/progress/job/{job_id:[^/]+}")
async def job_progress(request: web.Request) -> web.Response:
    """The status of one job."""
    job = await context(request).reader.load_job(request.match_info["job_id"])
    history = await context(request).history()
    return json_response({"success": True, "job_status": status(job, now(), history)})


@routes.get("/progress/active")
async def active(request: web.Request) -> web.Response:
    """The status of every unfinished job, in the order they started."""
    jobs = await context(request).reader.active_jobs()
    at, history = now(), await context(request).history()
    active_jobs = {job.job_id: status(job, at, history) for job in jobs}
    return json_response({"success": True, "active_jobs": active_jobs, "count": len(active_jobs)})


@routes.post("/progress/start")
async def start(request: web.Request) -> web.Response:
    """``start_job``."""
    return await _report(request, JobStarted.type)


@routes.post("/progress/report")
async def report(request: web.Request) -> web.Response:
    """``update_progress``."""
    return await _report(request, ProgressUpdated.type)


@routes.post("/progress/complete_stage")
async def complete_stage(request: web.Request) -> web.Response:
    """``complete_stage``."""
    return await _report(request, StageCompleted.type)


@routes.post("/progress/error")
async def error(request: web.Request) -> web.Response:
    """``report_error``."""
    return await _report(request, ErrorReported.type)


@routes.post("/progress/photo_info")
async def photo_info(request: web.Request) -> web.Response:
    """``send_photo_info``."""
    return await _report(request, PhotoInfoSent.type)


@routes.post("/progress/complete")
async def complete(request: web.Request) -> web.Response:
    """``complete_job``."""
    body = await json_object(request)
    success = body.get("success", True)
    if not isinstance(success, bool):
        raise InvalidEvent("success", success, "must be true or false")
    return await _report(request, JobCompleted.type if success else JobFailed.type)


async def _report(request: web.Request, event_type: str) -> web.Response:
    # The path says what kind of event it is; a type in the body is not asked.
    event = event_from_message({**await json_object(request), "type": event_type})
    (recorded,) = await record(request, event)
    return json_response({"success": True, "position": recorded.position, "sequence": recorded.sequence})
