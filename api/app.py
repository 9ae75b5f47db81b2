"""The web application: all wiring of routes and middleware."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from aiohttp import web

from tracker.errors import TrackerError
from tracker.runtime import LiveFeed, Tracker

from . import (
    client_routes,
    diff_routes,
    event_routes,
    job_routes,
    openapi_routes,
    operation_routes,
    poll_routes,
    problems,
    progress_routes,
    stats_routes,
    stream_routes,
    timeline_routes,
    websocket_route,
)
from .auth import TokenBook
from .clients import CLIENTS, Clients
from .context import Context, json_response
from .drift import watch_drift
from .estimates import Estimates
from .gate import GATE, Gate, Policy, demand_operations
from .headers import add_headers, note_origin, preflight
from .limits import RateLimits
from .logs import clean
from .metrics import METRICS, Metrics
from .poll_client import POLL_CLIENTS
from .readiness import READINESS, Readiness
from .slow_peers import SlowPeers
from .wire import MAX_BODY_BYTES

_ROUTES = (
    progress_routes,
    event_routes,
    stream_routes,
    job_routes,
    timeline_routes,
    diff_routes,
    stats_routes,
    operation_routes,
    openapi_routes,
    websocket_route,
    poll_routes,
    client_routes,
)
_log = logging.getLogger("tracker")
_CLIENTS_A_TURN = 100
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(tracker: Tracker, policy: Policy | None = None) -> web.Application:
    """The server of a tracker; the caller closes the tracker. ``policy``: by default that of the tracker's settings.

    Raises:
        LookupError: If a route is not described in ``api/operations.py``.
    """
    settings = tracker.settings
    app = web.Application(middlewares=[doorkeeper], client_max_size=MAX_BODY_BYTES)
    app[POLL_CLIENTS] = {}
    clients = app[CLIENTS] = Clients(settings.max_clients, settings.max_clients_per_address)
    app[METRICS] = Metrics()
    decided = policy or Policy.of(settings, settings.host)

    async def live(app: web.Application) -> AsyncIterator[None]:
        async with LiveFeed(tracker) as live:
            whole = Context(settings, tracker.recorder, live.reader, live.feed, Estimates())
            gate = app[GATE] = Gate(decided, TokenBook(live.reader), RateLimits(settings.requests_per_second), whole)
            app[METRICS].watch(partial(_gauges, tracker, live), live.reader.head, clients)
            app[READINESS] = Readiness(tracker, live.feed)
            await gate.book.read()
            gate.demand_tokens()
            checkpoints = _send_checkpoints(app, settings.checkpoint_interval_seconds)
            drift = watch_drift(live.reader, app[METRICS].compared)
            tasks = [asyncio.create_task(work) for work in (checkpoints, gate.book.watch(), drift)]
            tracker.on_commit(app[METRICS].committed)
            tracker.recorder.timed = app[METRICS].timed
            live.on_new_log(lambda: tasks.append(asyncio.create_task(_send_clients_away(app))))
            yield
            tracker.remove_listener(app[METRICS].committed)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(_dismiss_clients)
    app.on_response_prepare.append(add_headers)
    SlowPeers(settings.send_timeout_seconds, app[METRICS].cut_slow_client).attach(app)
    for module in _ROUTES:
        app.add_routes(module.routes)
    demand_operations(app)
    return app


@web.middleware
async def doorkeeper(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Every request goes through the gate; every error has the one body of ``docs/protocol.md``, never a traceback."""
    metrics, begun = request.app[METRICS], time.perf_counter()
    status = 499  # it left before it was answered
    try:
        response = await _answered(request, handler)
        status = response.status
        return response
    finally:
        metrics.answered(request, status, time.perf_counter() - begun)


async def _answered(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await _admitted(request, handler)
    except TrackerError as error:
        return _refusal(request, error)
    except web.HTTPException as error:
        return _http_problem(request, error)
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001  # the last resort: a client never sees a traceback
        _log.exception("%s %s failed", request.method, clean(request.path))
        return json_response(problems.problem("The server failed; it was logged.", "internal_error"), 500)


async def _admitted(request: web.Request, handler: _Handler) -> web.StreamResponse:
    gate = request.app[GATE]
    gate.demand_moderation(request)
    note_origin(request, gate.policy.origins.demand(request.headers))
    asked = preflight(request)
    if asked is not None:
        return asked
    access = await gate.admit(request)
    with gate.visiting(request, access):
        return await handler(gate.seen_through_proxies(request))


def _refusal(request: web.Request, error: TrackerError) -> web.Response:
    request.app[METRICS].refused(error.code)
    response = json_response(problems.body(error), problems.status(error))
    if response.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    elif response.status in (429, 503):
        response.headers["Retry-After"] = str(getattr(error, "retry_after", problems.RETRY_AFTER_SECONDS))
    return response


def _http_problem(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    texts = {
        404: f"There is nothing at {request.path}.",
        405: f"{request.method} is not possible at {request.path}.",
        413: f"The body is larger than {MAX_BODY_BYTES} bytes.",
    }
    code = (error.reason or "error").lower().replace(" ", "_")
    text = texts.get(error.status) or error.text or error.reason
    request.app[METRICS].refused(code)
    response = json_response(problems.problem(text, code), error.status)
    if error.status == 408:
        response.force_close()  # the rest of the body may still come, and is no request
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _gauges(tracker: Tracker, live: LiveFeed) -> dict[str, float]:
    size = tracker.store.write_ahead_bytes()
    return {
        **({} if size is None else {"write_ahead_log_bytes": size}),
        "queue_oldest_seconds": tracker.recorder.oldest_seconds,
        "log_position": live.feed.tail,
        "queue_events": tracker.recorder.depth,
        "queue_bytes": tracker.recorder.depth_bytes,
        "writable": 0 if tracker.recorder.unavailable else 1,
    }


async def _dismiss_clients(app: web.Application) -> None:
    await app[CLIENTS].dismiss()


async def _send_clients_away(app: web.Application) -> None:
    """They come back with a cursor of the log that was, and are told ``reset``."""
    app[POLL_CLIENTS].clear()
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
