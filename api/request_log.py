"""One line in the log for each request: what was asked, never with its query, and by whom."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from .context import allowed
from .gate import GATE
from .logs import clean

_log = logging.getLogger("tracker.requests")
_LEFT_BEFORE_THE_END = 499  # nginx's number for it; how an event stream ends whose client goes
_ADDRESS = web.RequestKey("address", str)  # not there on what is no HTTP
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RequestLogger(AbstractAccessLogger):
    """Logs the requests that were answered."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """See :class:`aiohttp.abc.AbstractAccessLogger`."""
        _write(request_line(request, response, time))


def request_line(request: web.BaseRequest, response: web.StreamResponse | None, seconds: float) -> dict[str, Any]:
    """What is said of a request that took ``seconds``; ``response`` is None if its client left before the end.

    ``token`` is there if it showed one.
    """
    context = allowed(request) if isinstance(request, web.Request) else None
    line = {
        "method": request.method,
        "path": clean(request.path),  # an embedding program's own log does not clean it
        "status": _LEFT_BEFORE_THE_END if response is None else response.status,
        "milliseconds": round(1000 * seconds, 1),
        "address": request.get(_ADDRESS, request.remote or ""),
    }
    if context is not None and context.access.token_id is not None:
        line["token"] = context.access.name
    return line


def options(app: web.Application, *, is_wanted: bool) -> dict[str, Any]:
    """What :class:`aiohttp.web.AppRunner` is to be given for it."""
    if not is_wanted:
        return {"access_log": None}
    app.middlewares.insert(0, _note)
    return {"access_log": _log, "access_log_class": RequestLogger}


@web.middleware
async def _note(request: web.Request, handler: _Handler) -> web.StreamResponse:
    request[_ADDRESS] = request.app[GATE].address(request)
    # aiohttp logs a request that is answered, and not one whose client goes while it is.
    begun = time.monotonic()
    try:
        return await handler(request)
    except asyncio.CancelledError:
        _write(request_line(request, None, time.monotonic() - begun))
        raise


def _write(line: dict[str, Any]) -> None:
    who = f"{line['address']} as {line['token']}" if "token" in line else line["address"]
    text = "%(method)s %(path)s %(status)d %(milliseconds)s ms" % line  # noqa: UP031
    _log.info("%s %s", text, who, extra=line)
