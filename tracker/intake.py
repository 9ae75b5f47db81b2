"""A producer's message becomes an event: the way in for HTTP, WebSocket and every client in another language."""

from __future__ import annotations

from typing import Any

from msgspec.structs import fields

from tracker.errors import InvalidEvent
from tracker.events import FACTS, AnyFact, Event, Fact
from tracker.json_values import MAX_INTEGER
from tracker.times import is_time

# Names that the log gives or that address the message; none of them is content.
_ENVELOPE = frozenset({"type", "job_id", "event_id", "ref", "timestamp", "position", "sequence", "prev"})
_GIVEN_BY_THE_LOG = frozenset({"stages_completed"})
_REQUIRED = {name: tuple(field.name for field in fields(fact) if field.required) for name, fact in FACTS.items()}
# By type: the fields that a message may give, and all names that are not kept as extra.
_KNOWN = {
    name: (
        frozenset(fact.__struct_fields__) - _GIVEN_BY_THE_LOG,
        frozenset(fact.__struct_fields__) | _ENVELOPE | _GIVEN_BY_THE_LOG,
    )
    for name, fact in FACTS.items()
}


def event_from_message(message: object) -> Event:
    """Check a decoded message of one of the seven types.

    Unknown fields are kept under ``extra``. An empty array where an object belongs is read as an empty object
    (Lua's JSON libraries cannot tell them apart), and ``386.0`` as an integer. The producer's ``timestamp`` is kept
    as ``occurred_at`` if it is ISO 8601, else ignored.

    Raises:
        InvalidEvent: If a field is missing, not of its type, or outside its limits.
    """
    if type(message) is not dict:
        raise InvalidEvent.of("", "an event must be a JSON object")
    fact_type = FACTS.get(message["type"]) if type(message.get("type")) is str else None
    if fact_type is None:
        raise InvalidEvent("type", message.get("type"), f"must be one of {', '.join(FACTS)}")
    if "job_id" not in message:
        raise InvalidEvent.of("job_id", "is missing")
    return Event.of(message["job_id"], _fact(fact_type, message), message.get("event_id"))


def _fact(fact_type: type[AnyFact], message: dict[str, Any]) -> AnyFact:
    known, expected = _KNOWN[fact_type.type]
    given = {name: value for name, value in message.items() if name in known}
    # Most messages have no unknown field: one operation on sets says so.
    extra = {name: message[name] for name in message if name not in expected} if message.keys() - expected else {}
    _read_leniently(fact_type, given)
    if extra:
        given["extra"] = {**given.get("extra", {}), **extra}
    _keep_time(given, message.get("timestamp"))
    for name in _REQUIRED[fact_type.type]:
        if name not in given:
            raise InvalidEvent.of(name, "is missing")
    return fact_type(**given)


def _read_leniently(fact_type: type[Fact], given: dict[str, Any]) -> None:
    for name in fact_type.objects:
        if name in given and (given[name] is None or given[name] == []):
            given[name] = {}
    if type(given.get("extra", {})) is not dict:
        raise InvalidEvent("extra", given["extra"], "must be a dictionary (a JSON object)")
    for name in ("duration", "stages", "message"):
        if name in given and given[name] is None:
            del given[name]
    if type(given.get("stages")) is list:
        given["stages"] = tuple(given["stages"])
    _read_numbers(given)


def _read_numbers(given: dict[str, Any]) -> None:
    photo_id = given.get("photo_id")
    if type(photo_id) is float and photo_id.is_integer():
        given["photo_id"] = int(photo_id)
    for name in ("progress", "duration"):
        if type(given.get(name)) is int and abs(given[name]) <= MAX_INTEGER:
            given[name] = float(given[name])


def _keep_time(given: dict[str, Any], timestamp: object) -> None:
    # A message that comes from an export carries occurred_at itself; the sender's own timestamp is the usual way.
    for value in (given.pop("occurred_at", None), timestamp):
        if is_time(value):
            given["occurred_at"] = value
            return
