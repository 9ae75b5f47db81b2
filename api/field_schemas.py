"""The fields that public shapes are made of, with their units and ranges."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from tracker.events import MAX_STAGE_NAME, MAX_STAGES, TERMINAL_STAGES
from tracker.filters import MAX_CHANNELS
from tracker.json_values import MAX_IDENTIFIER, MAX_INTEGER, MAX_NESTING
from tracker.replay import FASTEST, LONGEST_GAP_SECONDS, SLOWEST

_NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
_NO_NUL = "^[^\\u0000]*$"

Identifier: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_IDENTIFIER,
        pattern=_NO_CONTROLS,
        description=f"1 to {MAX_IDENTIFIER} printable characters.",
        examples=["job_123"],
    ),
]
EventId: TypeAlias = Annotated[
    Identifier, Meta(description="The producer's own id: recording is idempotent by it.", examples=["e1"])
]
Whole: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Position: TypeAlias = Annotated[
    int, Meta(ge=1, le=MAX_INTEGER, description="Place in the whole log: from 1, in commit order.")
]
Sequence: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_INTEGER, description="Place within the job: from 1, dense.")]
Cursor: TypeAlias = Annotated[
    int, Meta(ge=0, le=MAX_INTEGER, description="A position; 0 is before the first event. Always exclusive.")
]
Prev: TypeAlias = Annotated[
    Cursor, Meta(description="On streams: position of the event before it under this filter; 0 if none is known.")
]
Timestamp: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        description="UTC, ISO 8601: the tracker's own clock.",
        examples=["2025-11-09T10:30:00.000000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)"
Moment: TypeAlias = Annotated[
    str,
    Meta(
        pattern=f"^{_MOMENT}$",
        description="ISO 8601 with its zone.",
        examples=["2025-11-09T10:30:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
PositionOrTime: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^(\d{{1,16}}|{_MOMENT})$",
        description="A position, or a time in ISO 8601 with its zone.",
        examples=["1042", "2025-11-09T10:30:00Z"],
    ),
]
PhotoId: TypeAlias = (
    Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
    | Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER, pattern=_NO_CONTROLS)]
    | None
)
Progress: TypeAlias = Annotated[float, Meta(ge=0, le=100, description="Percent.")]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, description="Seconds.")]
Text: TypeAlias = Annotated[str, Meta(pattern=_NO_NUL, description="Any text without NUL.")]
Stage: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_STAGE_NAME,
        pattern=_NO_CONTROLS,
        description="A standard stage, one that the job declared, `completed` or `failed`.",
        examples=["exif_analysis"],
    ),
]
DeclaredStages: TypeAlias = Annotated[
    list[
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MAX_STAGE_NAME,
                pattern=_NO_CONTROLS,
                extra_json_schema={"not": {"enum": list(TERMINAL_STAGES)}},
            ),
        ]
    ],
    Meta(
        min_length=1,
        max_length=MAX_STAGES,
        description="The job's own stages in their order, instead of the standard ones.",
        extra_json_schema={"uniqueItems": True},
    ),
]
Object: TypeAlias = Annotated[
    dict[str, Any],
    Meta(description=f"Any JSON: at most {MAX_NESTING} levels, integers within ±(2^53-1), strings without NUL."),
]
# JSON libraries for Lua write an empty table as an array.
GivenObject: TypeAlias = Object | Annotated[list[Any], Meta(max_length=0, description="An empty object.")] | None
Success: TypeAlias = Annotated[bool, Meta(extra_json_schema={"const": True})]
Failure: TypeAlias = Annotated[bool, Meta(extra_json_schema={"const": False})]
Ref: TypeAlias = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)] | Annotated[str, Meta(max_length=200)]
GivenRef: TypeAlias = Annotated[
    Any, Meta(description="Comes back in the answer of the WebSocket if it is an integer or a string of at most 200.")
]
ReplayId: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=MAX_IDENTIFIER, description="A replay of this connection.", examples=["r1"])
]
ReplaySpeed: TypeAlias = Annotated[
    float, Meta(ge=SLOWEST, le=FASTEST, description="2 is twice as fast as it happened.")
]
MaxGap: TypeAlias = Annotated[
    float,
    Meta(ge=0, le=LONGEST_GAP_SECONDS, description="Seconds of the log: longer gaps of it are played as this."),
]
ReplayState: TypeAlias = Literal["playing", "paused"]
Place: TypeAlias = (
    Annotated[int, Meta(ge=0, le=MAX_INTEGER, description="A position.")]
    | Annotated[str, Meta(description="A time: ISO 8601 with its zone.", examples=["2025-11-09T10:30:00Z"])]
)
EventType: TypeAlias = Literal[
    "job_started",
    "job_progress",
    "stage_completed",
    "photo_info",
    "error_occurred",
    "job_completed",
    "job_failed",
]
Channel: TypeAlias = Annotated[
    str,
    Meta(pattern="^(jobs|photos|system|job:.{1,200})$", description="What to follow.", examples=["jobs", "job:job_1"]),
]
Channels: TypeAlias = Annotated[list[Channel], Meta(max_length=MAX_CHANNELS)]
Epoch: TypeAlias = Annotated[str, Meta(description="The name of this log: positions of another mean nothing here.")]
Head: TypeAlias = Annotated[Cursor, Meta(description="The last position of the log.")]
Horizon: TypeAlias = Annotated[Cursor, Meta(description="The highest position that was pruned.")]
ClientId: TypeAlias = Annotated[str, Meta(description="Given by the server.")]
ProtocolVersion: TypeAlias = Literal[1]
