"""``/events``: writing event messages as they are."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tracker.errors import InvalidEvent, TrackerError
from tracker.events import Event
from tracker.intake import event_from_message

from .context import json_response, record
from .requests import json_body

routes = web.RouteTableDef()
MAX_EVENTS = 1000


@routes.post("/events")
async def record_events(request: web.Request) -> web.Response:
    """One event message, or a list of at most 1,000: all of them in one transaction, or none."""
    body = await json_body(request)
    if not isinstance(body, list):
        (recorded,) = await record(request, event_from_message(body))
        return json_response({"success": True, "position": recorded.position, "sequence": recorded.sequence})
    places = [
        {"position": recorded.position, "sequence": recorded.sequence}
        for recorded in await record(request, *_events(body))
    ]
    return json_response({"success": True, **places[-1], "events": places})


def _events(messages: list[Any]) -> list[Event]:
    if not 0 < len(messages) <= MAX_EVENTS:
        raise InvalidEvent.of("", f"A list of events has 1 to {MAX_EVENTS} of them.")
    return [_event(index, message) for index, message in enumerate(messages)]


def _event(index: int, message: Any) -> Event:
    try:
        return event_from_message(message)
    except TrackerError as error:
        error.index = index
        raise
