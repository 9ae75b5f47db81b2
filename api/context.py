"""What the routes work with."""

from __future__ import annotations

import asyncio

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from tracker.errors import StoreUnavailable
from tracker.eta import History
from tracker.events import Event, RecordedEvent
from tracker.feed import EventFeed
from tracker.recorder import EventRecorder
from tracker.settings import Settings
from tracker.store.base import Reader
from tracker.tokens import FULL_ACCESS, Access

from . import wire
from .access import LimitedFeed, LimitedReader, LimitedRecorder
from .estimates import Estimates

_ANSWER_WITHIN_SECONDS = 20


class Context(Struct, frozen=True):
    """The parts of a running tracker, on the event loop that serves it, as one who asks may use them."""

    settings: Settings
    recorder: EventRecorder
    reader: Reader
    feed: EventFeed
    estimates: Estimates
    access: Access = FULL_ACCESS

    async def history(self) -> History:
        """What estimates for its jobs rest on."""
        return await self.estimates.history(self.reader, self.access.job_prefixes)

    def limited_to(self, access: Access) -> Context:
        """The same, as somebody with this access may use it."""
        if "admin" in access.scopes and not access.job_prefixes:
            return replace(self, access=access)
        return Context(
            self.settings,
            LimitedRecorder(self.recorder, access),
            LimitedReader(self.reader, access),
            LimitedFeed(self.feed, access),
            self.estimates,
            access,
        )


# What a route may use of the tracker is put on its request by the gate, and nowhere else: a request that did not come
# through it has nothing.
_CONTEXT = web.RequestKey("context", Context)


def allow_context(request: web.Request, context: Context) -> None:
    """Let the handler of a request use this."""
    request[_CONTEXT] = context


def allowed(request: web.Request) -> Context | None:
    """What the one who asks may use; None before it has said its token."""
    return request.get(_CONTEXT)


def context(request: web.Request) -> Context:
    """What the one who asks may use."""
    return request[_CONTEXT]


def json_response(body: object, status: int = 200) -> web.Response:
    """A value as a JSON response."""
    return raw_json_response(wire.encode(body), status)


def raw_json_response(body: bytes, status: int = 200) -> web.Response:
    """JSON that is encoded already."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def record(request: web.Request, *events: Event) -> tuple[RecordedEvent, ...]:
    """Record events together; returns when they are durable, else raises why they were refused."""
    receipt = context(request).recorder.record(*events, patient=False)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
            return await receipt
    except TimeoutError as error:
        raise StoreUnavailable(
            "The log is busy; it is not known yet whether this was recorded. Send it again with the same event_id."
        ) from error
