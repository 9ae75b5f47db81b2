"""What a request says, checked."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tracker.errors import InvalidEvent, InvalidQuery
from tracker.filters import EVERYTHING, EventFilter, check_channels, check_types
from tracker.json_values import MAX_INTEGER
from tracker.messages import JOB_PREFIX
from tracker.store.base import PAGE_LIMIT, LogHead

from . import wire
from .context import context
from .placing import Start, read_cursor_id, start_at

DEFAULT_LIMIT = 100


async def json_body(request: web.Request) -> Any:
    """The request's JSON: as :func:`json_bytes`, and 400 for no JSON."""
    return wire.parse(await json_bytes(request))


async def json_bytes(request: web.Request) -> bytes:
    """The bytes that are said to be JSON.

    415 for another type, 413 for more than 256 KiB, 408 for what does not come in time.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="The body must be sent as Content-Type: application/json.")
    return await _body(request, context(request).settings.body_timeout_seconds)


async def _body(request: web.Request, patience_seconds: float) -> bytes:
    try:
        async with asyncio.timeout(patience_seconds):
            return await request.read()
    except TimeoutError as error:
        _hear_no_more(request)
        raise web.HTTPRequestTimeout(text=f"The body did not come within {patience_seconds:g} s.") from error
    except web.RequestPayloadError as error:
        _hear_no_more(request)
        raise InvalidEvent.of("", "The body is not encoded as its headers say.") from error


def _hear_no_more(request: web.Request) -> None:
    """Have the connection closed after the answer: aiohttp would try to read the rest of a body, and log that."""
    request.content.feed_eof()
    request.protocol.close()


async def json_object(request: web.Request) -> dict[str, Any]:
    """:func:`json_body`, which must be an object."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise InvalidEvent.of("", "The body must be a JSON object.")
    return body


def allow(request: web.Request, *names: str) -> None:
    """Refuse parameters that mean nothing here: a misspelt filter must not answer with everything."""
    for name in request.query:
        if name not in names:
            raise InvalidQuery.of(name, f"is not a parameter here; there are {', '.join(names) or 'none'}")


def whole_number(request: web.Request, name: str, default: int, low: int, high: int = MAX_INTEGER) -> int:
    """A parameter from ``low`` to ``high``."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise InvalidQuery(name, text, f"must be a whole number from {low} to {high}")
    return int(text)


def limit(request: web.Request) -> int:
    """How many rows a page has: 1 to 1,000, 100 by default."""
    return whole_number(request, "limit", DEFAULT_LIMIT, 1, PAGE_LIMIT)


EVENT_PARAMETERS = ("after", "channel", "job_id", "type", "epoch")


def event_filter(request: web.Request) -> EventFilter:
    """The parameters ``channel``, ``job_id`` and ``type``, each any number of times; without one: everything."""
    named = [*request.query.getall("channel", [])]
    named += [JOB_PREFIX + job_id for job_id in request.query.getall("job_id", [])]
    channels = check_channels(named) if named else EVERYTHING.channels
    return EventFilter(channels=channels, types=check_types(request.query.getall("type", [])))


def start(request: web.Request, default: int, head: LogHead) -> Start:
    """Where a stream begins: ``Last-Event-ID`` where it is sent, else ``after`` and ``epoch``, else ``default``."""
    # Read even where Last-Event-ID goes before it: what makes no sense is refused in any case.
    after = whole_number(request, "after", 0, 0) if "after" in request.query else None
    last_event_id = request.headers.get("Last-Event-ID")
    if last_event_id:
        return start_at(*read_cursor_id(last_event_id), head)
    epoch = request.query.get("epoch")
    if after is None:
        return start_at(default, epoch, head) if epoch else Start(default)
    return start_at(after, epoch, head)
