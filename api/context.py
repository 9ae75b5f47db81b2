"""What the routes work with."""

from __future__ import annotations

import asyncio

from aiohttp import web
from msgspec import Struct

from tracker.errors import StoreUnavailable
from tracker.events import Event, RecordedEvent
from tracker.feed import Encode, Feed
from tracker.recorder import Recorder
from tracker.settings import Settings
from tracker.store.base import Reader

from . import wire

_ANSWER_WITHIN_SECONDS = 20


class Context(Struct, frozen=True):
    """The parts of a running tracker, on the event loop that serves it.

    ``encode_stream`` writes Server-Sent Events.
    """

    settings: Settings
    recorder: Recorder
    reader: Reader
    feed: Feed
    encode_stream: Encode


CONTEXT = web.AppKey("context", Context)


def json_response(body: object, status: int = 200) -> web.Response:
    """A value as a JSON response."""
    return raw_json_response(wire.encode(body), status)


def raw_json_response(body: bytes, status: int = 200) -> web.Response:
    """JSON that is encoded already."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def record(request: web.Request, *events: Event) -> tuple[RecordedEvent, ...]:
    """Record events together; returns when they are durable, else raises why they were refused."""
    receipt = request.app[CONTEXT].recorder.record(*events, patient=False)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
            return await receipt
    except TimeoutError as error:
        raise StoreUnavailable(
            "The log is busy; it is not known yet whether this was recorded. Send it again with the same event_id."
        ) from error
