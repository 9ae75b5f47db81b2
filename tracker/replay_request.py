"""What a client may say about a replay, checked: the same over the WebSocket and on the command line. Pure."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.json_values import MAX_IDENTIFIER, MAX_INTEGER, check_identifier
from tracker.replay import Moment, Place, check_max_gap, check_speed
from tracker.times import A_ZONED_TIME, since_epoch, zoned_time

REPLAY = "replay"
CONTROLS = ("pause", "resume", "step", "seek", "speed", "replay_stop")


class UnknownReplay(InvalidQuery):
    """The connection has no such replay: it has finished, or was never started."""

    code = "unknown_replay"


class TooManyReplays(InvalidQuery):
    """The connection has as many replays as it may: stop one, or wait for its end."""

    code = "too_many_replays"


class ReplayRequest(Struct, frozen=True, kw_only=True):
    """Which events to replay, and how.

    Of one job, or of all; ``since`` and ``until`` are inclusive, ``after`` is exclusive. See
    :class:`tracker.replay.Playback` for the rest.
    """

    job_id: str | None = None
    after: int | None = None
    since: Place | None = None
    until: Place | None = None
    speed: float = 1.0
    max_gap_seconds: float | None = None
    is_paused: bool = False


class Pause(Struct, frozen=True):
    """Stop the clock."""


class Resume(Struct, frozen=True):
    """Let it go on."""


class Step(Struct, frozen=True):
    """Send the next event now, in a pause."""


class Stop(Struct, frozen=True):
    """End the replay."""


class Seek(Struct, frozen=True):
    """Go on at the first event at or after ``to``."""

    to: Place


class Speed(Struct, frozen=True):
    """Play at another speed from now on."""

    speed: float


Control: TypeAlias = Pause | Resume | Step | Stop | Seek | Speed


def read_request(message: dict[str, Any]) -> ReplayRequest:
    """The request of a ``replay`` message.

    Raises:
        InvalidQuery: If a field makes no sense, or nothing says what is to be replayed.
    """
    request = ReplayRequest(
        job_id=_job_id(message.get("job_id")),
        after=_position("after", message.get("after")),
        since=read_place("since", message.get("since")),
        until=read_place("until", message.get("until")),
        speed=check_speed(1.0 if message.get("speed") is None else message["speed"]),
        max_gap_seconds=None if message.get("max_gap_seconds") is None else check_max_gap(message["max_gap_seconds"]),
        is_paused=_switch("paused", message.get("paused")),
    )
    if all(given is None for given in (request.job_id, request.after, request.since, request.until)):
        raise InvalidQuery.of("job_id", "name a job, or a part of the log with since, until or after")
    _demand_order(request.since, request.until)
    return request


def read_control(message: dict[str, Any]) -> Control:
    """What a message of one of :data:`CONTROLS` asks for, else :class:`InvalidQuery`."""
    match message["type"]:
        case "pause":
            return Pause()
        case "resume":
            return Resume()
        case "step":
            return Step()
        case "seek":
            return Seek(_named_place(message.get("to")))
        case "speed":
            return Speed(check_speed(message.get("speed")))
        case _:
            return Stop()


def read_replay_id(message: dict[str, Any]) -> str | None:
    """Which replay a control message means; None: the only one there is."""
    replay_id = message.get("replay_id")
    if replay_id is None or (type(replay_id) is str and 0 < len(replay_id) <= MAX_IDENTIFIER):
        return replay_id
    raise InvalidQuery("replay_id", replay_id, "must be that of a replay_started message")


def read_place(field: str, value: object) -> Place | None:
    """A position (a whole number from 0) or a time (ISO 8601, with a zone); None where there is none.

    Raises:
        InvalidQuery: If it is neither.
    """
    if not isinstance(value, str):
        return _position(field, value, "must be a position, a whole number from 0, or a time in ISO 8601")
    moment = zoned_time(value)
    if moment is None:
        raise InvalidQuery(field, value, A_ZONED_TIME)
    return Moment(since_epoch(moment))


def _position(field: str, value: object, problem: str = "must be a position: a whole number from 0") -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (type(value) is int and 0 <= value <= MAX_INTEGER):
        return value
    raise InvalidQuery(field, value, problem)


def _named_place(value: object) -> Place:
    place = read_place("to", value)
    if place is None:
        raise InvalidQuery.of("to", "must be a position or a time of the replay")
    return place


def _job_id(value: object) -> str | None:
    if value is not None:
        check_identifier("job_id", value)
    return value  # type: ignore[return-value]  # a string, as it was checked


def _switch(field: str, value: object) -> bool:
    if value is None or type(value) is bool:
        return bool(value)
    raise InvalidQuery(field, value, "must be true or false")


def _demand_order(since: Place | None, until: Place | None) -> None:
    match since, until:
        case (int(first), int(last)) | (Moment(at=first), Moment(at=last)) if first > last:
            raise InvalidQuery.of("since", "is after until: there is nothing between them")
