"""The AsyncAPI document of the WebSocket: ``python -m api.asyncapi`` writes it as YAML.

The messages are examples of the public shapes, which the type checker has read; the schemas come from their types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from tracker import __version__

from . import event_schemas as events
from . import message_schemas as messages

_SCHEMA = "#/components/schemas/{name}"
_CHANNEL = "#/channels/websocket"
_JOB: dict[str, Any] = {"job_id": "job_123", "photo_id": 456}
_AT = "2025-11-09T10:30:00.000000Z"
_EPOCH = "0199a1b2c3d4"
_TEXT = """
The server speaks first, with `connection_established`. A client keeps as its cursor the `position` of the last event
it handled, or of a later `caught_up` or `checkpoint`. When the `prev` of any of these three is above it, something was
missed: subscribe again with `after`. After a reconnect, subscribe with `after` and `epoch`. An event reaches a client
once, however many of its channels match.

A message of the client has at most 64 KiB; a `ref` (a string or an integer) comes back in the answer. The connection
is closed with 1009 for a larger one, 1012 when the server stops and 4408 when the client did not read for ten seconds
(the default): after both, resume with your cursor. Readers ignore fields that they do not know.

A replay sends events again beside what is live, marked with `replay` and its `replay_id` and without `prev`: they move
no cursor. A connection has at most four of them.
"""


def _event(position: int, sequence: int, prev: int) -> dict[str, Any]:
    return {**_JOB, "timestamp": _AT, "position": position, "sequence": sequence, "prev": prev}


_SENT: tuple[Struct, ...] = (
    messages.ConnectionEstablished(client_id="c1", server_time=_AT, protocol=1, epoch=_EPOCH, head=1042, horizon=0),
    messages.Reset(epoch=_EPOCH, head=1042),
    messages.Truncated(after=7, horizon=640),
    messages.CaughtUp(position=1042, prev=1040),
    messages.Checkpoint(position=1050, prev=1049),
    events.JobStartedEvent(**_event(1043, 1, 1042), photo_info={"file_name": "IMG_001.NEF"}),
    events.JobProgressEvent(
        **_event(1044, 2, 1043), stage="exif_analysis", progress=25.0, message="Reading", details={"iso": 400}
    ),
    events.StageCompletedEvent(**_event(1045, 3, 1044), stage="exif_analysis", result={"camera": "NIKON Z 6"}),
    events.PhotoInfoEvent(**_event(1046, 4, 1045), photo_data={"iso": 400}),
    events.ErrorOccurredEvent(
        **_event(1047, 5, 1046), error_type="io", error_message="The file is gone.", error_details={}, stage=None
    ),
    events.JobCompletedEvent(
        **_event(1048, 6, 1047),
        success=True,
        result={"preset": "Portrait"},
        duration=4.2,
        stages_completed=[
            events.StageDone(stage="exif_analysis", completed_at=_AT, result={"camera": "NIKON Z 6"}),
        ],
    ),
    events.JobFailedEvent(**_event(1049, 6, 1048), success=False, result={}, duration=4.2),
    messages.ReplayFinished(replay_id="r1", reason="end", after=1048, sent=6),
)
"""What the server sends by itself."""

_ANSWERS: tuple[Struct, ...] = (
    messages.Authenticated(name="wall", scopes=["read"]),
    messages.RegistrationConfirmed(client_id="c1", client_type="gui", client_name="Wall", ref=1),
    messages.SubscriptionConfirmed(channels=["jobs"], after=1042, ref=2),
    messages.UnsubscriptionConfirmed(channels=[]),
    messages.Pong(timestamp=_AT),
    messages.Ack(ref="r7", position=1043, sequence=1),
    messages.ReplayStarted(
        replay_id="r1",
        job_id="job_123",
        first=1043,
        last=1048,
        since=_AT,
        until="2025-11-09T10:30:04.200000Z",
        events=6,
        duration=4.2,
        speed=10.0,
        max_gap_seconds=2.0,
        state="playing",
        horizon=0,
        ref=3,
    ),
    messages.ReplayTold(replay_id="r1", state="paused", after=1044, speed=10.0, max_gap_seconds=2.0, ref=4),
    messages.ErrorMessage(
        error="Job 'job_9' is not known: call start_job first.", code="job_not_found", job_id="job_9", ref="r8"
    ),
)

_ASKED: tuple[tuple[Struct, type[Struct]], ...] = (
    (messages.Auth(token="jobreel_4fQx9sKd2m_…"), messages.Authenticated),  # noqa: S106  # an example
    (messages.Register(client_type="gui", client_name="Wall", ref=1), messages.RegistrationConfirmed),
    (messages.Subscribe(channels=["jobs"], after=1042, epoch=_EPOCH, ref=2), messages.SubscriptionConfirmed),
    (messages.Unsubscribe(channels=["jobs"]), messages.UnsubscriptionConfirmed),
    (messages.Ping(), messages.Pong),
    (
        messages.Replay(job_id="job_123", speed=10.0, max_gap_seconds=2.0, ref=3),
        messages.ReplayStarted,
    ),
    (messages.Pause(replay_id="r1", ref=4), messages.ReplayTold),
    (messages.Resume(replay_id="r1"), messages.ReplayTold),
    (messages.Step(replay_id="r1"), messages.ReplayTold),
    (messages.Seek(replay_id="r1", to=_AT), messages.ReplayTold),
    (messages.Speed(replay_id="r1", speed=100.0), messages.ReplayTold),
    (messages.ReplayStop(replay_id="r1"), messages.ReplayFinished),
    (events.JobStartedMessage(**_JOB, event_id="e1", photo_info={"file_name": "IMG_001.NEF"}, ref="r1"), messages.Ack),
    (events.JobProgressMessage(job_id="job_123", stage="exif_analysis", progress=25.0), messages.Ack),
    (events.StageCompletedMessage(job_id="job_123", stage="exif_analysis", result={"iso": 400}), messages.Ack),
    (events.PhotoInfoMessage(job_id="job_123", photo_data={"iso": 400}), messages.Ack),
    (events.ErrorOccurredMessage(job_id="job_123", error_type="io", error_message="The file is gone."), messages.Ack),
    (events.JobCompletedMessage(job_id="job_123", result={"preset": "Portrait"}), messages.Ack),
    (events.JobFailedMessage(job_id="job_123", success=False), messages.Ack),
)
"""What a client sends, and what it is answered unless it is refused."""


def document() -> dict[str, Any]:
    """The document."""
    all_examples = [*_SENT, *_ANSWERS, *(example for example, _ in _ASKED)]
    _, schemas = msgspec.json.schema_components([type(example) for example in all_examples], ref_template=_SCHEMA)
    names = [_name(example) for example in all_examples]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "jobreel",
            "version": __version__,
            "description": " ".join(_TEXT.split()),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:5100", "protocol": "ws", "description": "As it is by default."}},
        "channels": {
            "websocket": {
                "address": "/ws",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {**dict(map(_send, _SENT)), **dict(_receive(*asked) for asked in _ASKED)},
        "components": {
            "messages": {_name(example): _message(example) for example in all_examples},
            "schemas": schemas,
        },
    }


def _name(example: Struct) -> str:
    return type(example).__name__


def _type(example: Struct) -> str:
    return str(type(example).__struct_config__.tag)


def _message(example: Struct) -> dict[str, Any]:
    name, payload = _name(example), msgspec.to_builtins(example)
    schema: dict[str, Any] = {"$ref": _SCHEMA.format(name=name)}
    if isinstance(example, events.RecordedEvent):
        # A replay sends the same without it.
        marks: list[dict[str, Any]] = [{"required": ["prev"]}, {"required": ["replay", "replay_id"]}]
        schema = {"allOf": [schema, {"oneOf": marks}]}
    has_ref = "ref" in type(example).__struct_fields__
    return {
        "name": _type(example),
        "title": name,
        "summary": _summary(example),
        "payload": schema,
        **({"correlationId": {"location": "$message.payload#/ref"}} if has_ref else {}),
        "examples": [{"payload": payload}],
    }


def _summary(example: Struct) -> str:
    return " ".join((type(example).__doc__ or "").split())


def _send(example: Struct) -> tuple[str, dict[str, Any]]:
    return f"send_{_type(example)}", {"action": "send", **_in_channel([_name(example)])}


def _receive(example: Struct, answer: type[Struct]) -> tuple[str, dict[str, Any]]:
    replies = [answer.__name__, messages.ErrorMessage.__name__]
    operation = {"action": "receive", **_in_channel([_name(example)]), "reply": _in_channel(replies)}
    return f"receive_{_type(example)}", operation


def _in_channel(names: Iterable[str]) -> dict[str, Any]:
    return {"channel": {"$ref": _CHANNEL}, "messages": [{"$ref": f"{_CHANNEL}/messages/{name}"} for name in names]}


def yaml_text() -> str:
    """The document as YAML: what ``docs/asyncapi.yaml`` holds."""
    # Through JSON: shared parts are written out, as readers of YAML's references are rare.
    return msgspec.yaml.encode(json.loads(json.dumps(document()))).decode()


if __name__ == "__main__":
    print(yaml_text(), end="")  # noqa: T201  # the document is the program's output
