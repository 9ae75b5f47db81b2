"""``/events``: event messages as they are, written and read."""

from __future__ import annotations

from typing import Any, TypeVar

from aiohttp import web

from tracker.errors import InvalidEvent, TrackerError
from tracker.events import Event, RecordedEvent
from tracker.intake import event_from_message
from tracker.times import iso

from . import problems, wire
from .context import context, json_response, raw_json_response, record
from .long_poll import next_events
from .requests import EVENT_PARAMETERS, allow, event_filter, json_bytes, limit, start, whole_number

_T = TypeVar("_T")
routes = web.RouteTableDef()
MAX_EVENTS = 1000
MAX_WAIT_SECONDS = 30


@routes.post("/events")
async def record_events(request: web.Request) -> web.Response:
    """One event message, or a list of at most 1,000: all of them in one transaction, or none."""
    data = await json_bytes(request)
    events = wire.plain_events(data)
    if events is None:
        body = wire.parse(data)
        if not isinstance(body, list):
            (recorded,) = await record(request, event_from_message(body))
            return json_response({"success": True, "position": recorded.position, "sequence": recorded.sequence})
        events = [_event(index, message) for index, message in enumerate(_of_a_length(body))]
    recorded_list = await _record_list(request, _of_a_length(events))
    places = _places(recorded_list)
    last = places[-1]
    return json_response(
        {"success": True, "position": last["position"], "sequence": last["sequence"], "events": places}
    )


@routes.get("/events")
async def read_events(request: web.Request) -> web.Response:
    """A page of the log; with ``wait``, when there is nothing yet, the first commit within so many seconds.

    ``checkpoint`` is the position up to which the page is complete under the filter: the ``after`` of the next one.
    """
    allow(request, *EVENT_PARAMETERS, "limit", "wait")
    wanted, size = event_filter(request), limit(request)
    wait = whole_number(request, "wait", 0, 0, MAX_WAIT_SECONDS)
    feed = context(request).feed
    log = await feed.head()
    begin = start(request, 0, log)
    events, complete = await next_events(feed, wanted, begin.after, size, wait)
    more = {"cursor": complete} if complete < feed.tail else {}
    ends = {"checkpoint": complete, "head": feed.tail, "epoch": log.epoch}
    notices = {notice["type"]: notice for notice in begin.notices}
    return raw_json_response(wire.page_body([event.text for event in events], **more, **ends, **notices))


async def _record_list(request: web.Request, events: list[Event]) -> tuple[RecordedEvent, ...]:
    try:
        return await record(request, *events)
    except TrackerError as error:
        # The log counts only where there are several.
        if len(events) == 1 and problems.status(error) < 500:
            error.index = 0
        raise


def _places(recorded: tuple[RecordedEvent, ...]) -> list[dict[str, Any]]:
    # What is recorded together has one time; a repeated event has its own.
    times = {recorded_at: iso(recorded_at) for recorded_at in {event.recorded_at for event in recorded}}
    return [
        {"position": event.position, "sequence": event.sequence, "timestamp": times[event.recorded_at]}
        for event in recorded
    ]


def _of_a_length(events: list[_T]) -> list[_T]:
    if not 0 < len(events) <= MAX_EVENTS:
        raise InvalidEvent.of("", f"A list of events has 1 to {MAX_EVENTS} of them.")
    return events


def _event(index: int, message: Any) -> Event:
    try:
        return event_from_message(message)
    except TrackerError as error:
        error.index = index
        raise
