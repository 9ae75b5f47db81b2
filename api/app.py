"""The web application: all wiring of routes and middleware."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tracker.errors import TrackerError
from tracker.runtime import LiveFeed, Tracker

from . import (
    event_routes,
    job_routes,
    operation_routes,
    problems,
    progress_routes,
    websocket_route,
)
from .clients import CLIENTS, Clients
from .context import CONTEXT, Context, json_response
from .wire import MAX_BODY_BYTES

_log = logging.getLogger("tracker")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(tracker: Tracker) -> web.Application:
    """The server of a tracker; the caller closes the tracker."""
    app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_BODY_BYTES)
    app[CLIENTS] = Clients()

    async def live(app: web.Application) -> AsyncIterator[None]:
        async with LiveFeed(tracker) as live:
            app[CONTEXT] = Context(tracker.settings, tracker.recorder, live.reader, live.feed)
            yield

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(_dismiss_clients)
    for module in (progress_routes, event_routes, job_routes, operation_routes, websocket_route):
        app.add_routes(module.routes)
    return app


@web.middleware
async def errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Every error has the one body of ``docs/protocol.md``; never a stack trace."""
    try:
        return await handler(request)
    except TrackerError as error:
        response = json_response(problems.body(error), problems.status(error))
        if response.status == 503:
            response.headers["Retry-After"] = str(problems.RETRY_AFTER_SECONDS)
        return response
    except web.HTTPException as error:
        return _http_problem(request, error)
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001  # the last resort: a client never sees a traceback
        _log.exception("%s %s failed", request.method, request.path)
        return json_response(problems.problem("The server failed; it was logged.", "internal_error"), 500)


def _http_problem(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    texts = {
        404: f"There is nothing at {request.path}.",
        405: f"{request.method} is not possible at {request.path}.",
        413: f"The body is larger than {MAX_BODY_BYTES} bytes.",
    }
    code = (error.reason or "error").lower().replace(" ", "_")
    text = texts.get(error.status) or error.text or error.reason
    response = json_response(problems.problem(text, code), error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


async def _dismiss_clients(app: web.Application) -> None:
    clients: Clients = app[CLIENTS]
    await asyncio.gather(*[client.dismiss() for client in clients], return_exceptions=True)
