"""What a client is told of a replay.

No field of these is named ``position``: older clients take a message with one for an event.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from tracker.events import RecordedEvent
from tracker.messages import message_text
from tracker.replay import Playback
from tracker.replay_log import Extent
from tracker.times import iso

from . import wire

Message: TypeAlias = dict[str, Any]
Reason: TypeAlias = Literal["end", "stopped", "pruned", "failed"]


def started(replay_id: str, extent: Extent, playback: Playback, events: int | None) -> Message:
    """What is going to be replayed; ``events``: how many, if that is known."""
    first, last = extent.first, extent.last
    return {
        "type": "replay_started",
        "replay_id": replay_id,
        **({} if extent.job_id is None else {"job_id": extent.job_id}),
        "first": None if first is None else first.position,
        "last": None if last is None else last.position,
        "since": None if first is None else iso(first.recorded_at),
        "until": None if last is None else iso(last.recorded_at),
        "events": events,
        "duration": extent.seconds,
        "speed": playback.speed,
        "max_gap_seconds": playback.max_gap_seconds,
        "state": state(playback),
        "horizon": extent.head.horizon,
    }


def told_state(replay_id: str, playback: Playback, after: int) -> Message:
    """Where a replay is after a control message; ``after``: position of the last event before the next one."""
    return {
        "type": "replay_state",
        "replay_id": replay_id,
        "state": state(playback),
        "after": after,
        "speed": playback.speed,
        "max_gap_seconds": playback.max_gap_seconds,
    }


def finished(replay_id: str, reason: Reason, after: int, sent: int) -> Message:
    """The last message of a replay; ``sent`` counts its events."""
    return {"type": "replay_finished", "replay_id": replay_id, "reason": reason, "after": after, "sent": sent}


def state(playback: Playback) -> Literal["playing", "paused"]:
    """The state in a word."""
    return "paused" if playback.is_paused else "playing"


def event_text(event: RecordedEvent, replay_id: str) -> str:
    """The event's message as it is listed, marked; without ``prev``: it is no part of the live stream."""
    return f'{message_text(event)[:-1]},"replay":true,"replay_id":{wire.encode_text(replay_id)}}}'
