"""The web application: all wiring of routes and middleware."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tracker.errors import TrackerError
from tracker.runtime import LiveFeed, Tracker

from . import (
    client_routes,
    event_routes,
    job_routes,
    openapi_routes,
    operation_routes,
    poll_routes,
    problems,
    progress_routes,
    stream_routes,
    websocket_route,
)
from .clients import CLIENTS, Clients
from .context import CONTEXT, Context, json_response
from .poll_client import POLL_CLIENTS
from .server_sent_events import encoder
from .wire import MAX_BODY_BYTES

_ROUTES = (
    progress_routes,
    event_routes,
    stream_routes,
    job_routes,
    operation_routes,
    openapi_routes,
    websocket_route,
    poll_routes,
    client_routes,
)
_log = logging.getLogger("tracker")
_CLIENTS_A_TURN = 100
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(tracker: Tracker) -> web.Application:
    """The server of a tracker; the caller closes the tracker."""
    app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_BODY_BYTES)
    settings = tracker.settings
    app[POLL_CLIENTS] = {}
    app[CLIENTS] = Clients(settings.max_clients, settings.max_clients_per_address)

    async def live(app: web.Application) -> AsyncIterator[None]:
        async with LiveFeed(tracker) as live:
            app[CONTEXT] = Context(tracker.settings, tracker.recorder, live.reader, live.feed, encoder(live.feed.epoch))
            interval = tracker.settings.checkpoint_interval_seconds
            checkpoints = asyncio.create_task(_send_checkpoints(app, interval))
            yield
            checkpoints.cancel()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(_dismiss_clients)
    for module in _ROUTES:
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
    await app[CLIENTS].dismiss()


async def _send_checkpoints(app: web.Application, interval_seconds: float) -> None:
    clients = app[CLIENTS]
    while True:
        await asyncio.sleep(interval_seconds)
        # Those who went without a word keep their places else, until the next of their kind comes.
        poll_routes.forget_expired(app)
        for index, client in enumerate(clients):
            client.send_checkpoint()
            if index % _CLIENTS_A_TURN == 0:
                await asyncio.sleep(0)
