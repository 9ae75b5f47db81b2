"""The events of a job: what happened, before and after the log has recorded it.

A *fact* is the content of an event (:class:`JobStarted`, :class:`ProgressUpdated`, …), named in the past tense.
An :class:`Event` is a checked and encoded fact about a job, not yet recorded. A :class:`RecordedEvent` is a row
of the log: the event and its place. The ``type`` of an event is the message type that clients see.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, Self, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tracker.errors import InvalidEvent
from tracker.json_values import (
    MAX_INTEGER,
    check_identifier,
    check_number,
    check_object,
    check_text,
    plain,
)
from tracker.upcasting import stamped

MAX_PAYLOAD_BYTES = 64 * 1024
MAX_STAGES = 100
MAX_STAGE_NAME = 100

PhotoId: TypeAlias = int | str | None


class EventTooLarge(InvalidEvent):
    """The event's content is larger than 64 KiB of JSON."""

    code = "event_too_large"


class ProcessingStage(StrEnum):
    """The stages of a photo job, in their order. A member equals its string."""

    IMPORTING = "importing"
    EXIF_ANALYSIS = "exif_analysis"
    AI_EVALUATION = "ai_evaluation"
    CONTEXT_DETECTION = "context_detection"
    PRESET_SELECTION = "preset_selection"
    APPLYING_PRESET = "applying_preset"
    QUALITY_CHECK = "quality_check"
    EXPORTING = "exporting"
    COMPLETED = "completed"
    FAILED = "failed"


STANDARD_STAGES = tuple(stage.value for stage in ProcessingStage)
_STANDARD = frozenset(STANDARD_STAGES)
TERMINAL_STAGES = (ProcessingStage.COMPLETED.value, ProcessingStage.FAILED.value)


class Fact(Struct, frozen=True, kw_only=True):
    """What all events may carry.

    ``photo_id`` is the job's own unless the producer names another. ``occurred_at`` is the producer's clock, kept
    as it was sent and never trusted. ``extra`` holds fields that the type does not know.
    """

    type: ClassVar[str]
    objects: ClassVar[tuple[str, ...]] = ("extra",)

    photo_id: PhotoId | UnsetType = UNSET
    occurred_at: str | UnsetType = UNSET
    extra: dict[str, Any] | UnsetType = UNSET

    def check(self) -> None:
        """Demand that every field is of its type and within its limits, else raise :class:`InvalidEvent`."""
        if self.photo_id is not UNSET:
            _check_photo_id(self.photo_id)
        if self.extra is not UNSET:
            check_object("extra", self.extra)


class JobStarted(Fact, frozen=True, kw_only=True):
    """A job began. ``stages``: the job's own stages in their order, instead of the ten standard ones."""

    type = "job_started"
    objects = ("photo_info", "extra")

    photo_info: dict[str, Any] = {}
    stages: tuple[str, ...] | UnsetType = UNSET

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        Fact.check(self)
        check_object("photo_info", self.photo_info)
        if self.stages is not UNSET:
            _check_stages(self.stages)


class ProgressUpdated(Fact, frozen=True, kw_only=True):
    """The job's progress, 0 to 100, and the stage it is in."""

    type = "job_progress"
    objects = ("details", "extra")

    stage: str
    progress: float
    message: str = ""
    details: dict[str, Any] = {}

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        # Most calls end up here, and most of these are as simple as can be.
        if self.photo_id is not UNSET or self.extra is not UNSET:
            Fact.check(self)
        if type(self.stage) is not str or self.stage not in _STANDARD:
            _check_stage(self.stage)
        if type(self.progress) is not float or not 0 <= self.progress <= 100:
            _check_progress(self.progress)
        check_text("message", self.message)
        check_object("details", self.details)


class StageCompleted(Fact, frozen=True, kw_only=True):
    """A stage ended, with its result."""

    type = "stage_completed"
    objects = ("result", "extra")

    stage: str
    result: dict[str, Any] = {}

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        Fact.check(self)
        _check_stage(self.stage)
        check_object("result", self.result)


class PhotoInfoSent(Fact, frozen=True, kw_only=True):
    """What was learnt about the job's photo."""

    type = "photo_info"
    objects = ("photo_data", "extra")

    photo_data: dict[str, Any] = {}

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        Fact.check(self)
        check_object("photo_data", self.photo_data)


class ErrorReported(Fact, frozen=True, kw_only=True):
    """Something went wrong; the job goes on unless it is completed as failed."""

    type = "error_occurred"
    objects = ("error_details", "extra")

    error_type: str
    error_message: str
    error_details: dict[str, Any] = {}
    stage: str | None = None

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        Fact.check(self)
        check_identifier("error_type", self.error_type)
        check_text("error_message", self.error_message)
        check_object("error_details", self.error_details)
        if self.stage is not None:
            _check_stage(self.stage)


class _JobEnded(Fact, frozen=True, kw_only=True):
    """``duration`` in seconds: the producer's, else computed by the log from the job's start."""

    objects = ("result", "extra")

    success: bool
    result: dict[str, Any] = {}
    duration: float | UnsetType = UNSET

    def check(self) -> None:
        """See :meth:`Fact.check`."""
        Fact.check(self)
        _check_success(self.success, self.type)
        check_object("result", self.result)
        if self.duration is not UNSET and check_number("duration", self.duration) < 0:
            raise InvalidEvent("duration", self.duration, "must not be negative")


class JobCompleted(_JobEnded, frozen=True, kw_only=True):
    """The job ended well. The log adds ``stages_completed``, as the job's status has them."""

    type = "job_completed"

    success: bool = True
    stages_completed: list[dict[str, Any]] | UnsetType = UNSET


class JobFailed(_JobEnded, frozen=True, kw_only=True):
    """The job ended in failure."""

    type = "job_failed"

    success: bool = False


AnyFact: TypeAlias = (
    JobStarted | ProgressUpdated | StageCompleted | PhotoInfoSent | ErrorReported | JobCompleted | JobFailed
)
FACTS: dict[str, type[AnyFact]] = {
    fact.type: fact
    for fact in (
        JobStarted,
        ProgressUpdated,
        StageCompleted,
        PhotoInfoSent,
        ErrorReported,
        JobCompleted,
        JobFailed,
    )
}
_DECODE = {name: msgspec.json.Decoder(fact).decode for name, fact in FACTS.items()}
_encode = msgspec.json.Encoder(enc_hook=partial(plain, "")).encode


def decode_fact(event_type: str, payload: str) -> AnyFact:
    """The fact that a payload of today's version holds."""
    return _DECODE[event_type](payload)


def encode_fact(fact: AnyFact) -> bytes:
    """The payload that holds a fact: JSON, with its version where that is not 1."""
    return stamped(fact.type, _encode(fact))


class Event(Struct, frozen=True, gc=False):
    """A checked, encoded fact about a job, not yet recorded.

    ``payload`` is the JSON text of the fact. It is a copy: what the caller does later with the dictionaries it
    passed changes nothing. ``event_id``, where given, makes recording idempotent. ``stage`` is the payload's, of
    progress: who has it at hand need not decode the payload for it.
    """

    job_id: str
    type: str
    payload: str
    event_id: str | None = None
    stage: str | None = None

    @classmethod
    def of(cls, job_id: str, fact: AnyFact, event_id: str | None = None) -> Self:
        """Check and encode a fact.

        Raises:
            InvalidEvent: If a field is not of its type, or outside its limits.
        """
        check_identifier("job_id", job_id)
        if event_id is not None:
            check_identifier("event_id", event_id)
        fact.check()
        encoded = encode_fact(fact)
        if len(encoded) > MAX_PAYLOAD_BYTES:
            raise EventTooLarge.of("", f"the event has {len(encoded)} bytes, {MAX_PAYLOAD_BYTES} is the limit")
        stage = fact.stage if isinstance(fact, ProgressUpdated) else None
        return cls(job_id, fact.type, encoded.decode(), event_id, stage)

    @property
    def fact(self) -> AnyFact:
        """The fact, decoded anew from the payload at each call."""
        return _DECODE[self.type](self.payload)


class RecordedEvent(Struct, frozen=True, gc=False):
    """An event with its place in the log: one row, unchanged for ever.

    ``position`` orders the whole log from 1, in commit order, without gaps when written. ``sequence`` numbers the
    events of one job from 1, without gaps. ``recorded_at`` is the tracker's UTC clock when it accepted the event,
    in microseconds since 1970. ``payload`` is the JSON object that is sent to clients, less the fields above; what an
    earlier version wrote is read as of today's (:mod:`tracker.upcasting`).
    """

    position: int
    job_id: str
    sequence: int
    type: str
    recorded_at: int
    event_id: str | None
    payload: str

    @property
    def fact(self) -> AnyFact:
        """The fact, decoded anew from the payload at each call."""
        return _DECODE[self.type](self.payload)


def _check_photo_id(photo_id: object) -> None:
    if type(photo_id) is int:
        if not -MAX_INTEGER <= photo_id <= MAX_INTEGER:
            raise InvalidEvent("photo_id", photo_id, "must be within ±(2^53-1)")
    elif photo_id is not None:
        if type(photo_id) is not str:
            raise InvalidEvent("photo_id", photo_id, "must be an integer, a string or null")
        check_identifier("photo_id", photo_id)


def _check_success(success: object, event_type: str) -> None:
    if type(success) is not bool:
        raise InvalidEvent("success", success, "must be true or false")
    if success is not (event_type == "job_completed"):
        raise InvalidEvent("success", success, f"does not fit the type {event_type}")


def _check_stage(stage: object) -> None:
    if type(stage) is not str or not 0 < len(stage) <= MAX_STAGE_NAME or not stage.isprintable():
        raise InvalidEvent("stage", stage, f"must be one of {', '.join(STANDARD_STAGES)}, or of the job's own")


def _check_progress(progress: object) -> None:
    if not 0 <= check_number("progress", progress) <= 100:
        raise InvalidEvent("progress", progress, "must be from 0 to 100")


def _check_stages(stages: object) -> None:
    if type(stages) is not tuple or not 0 < len(stages) <= MAX_STAGES:
        raise InvalidEvent("stages", stages, f"must be a list of 1 to {MAX_STAGES} names")
    for stage in stages:
        if type(stage) is not str or not 0 < len(stage) <= MAX_STAGE_NAME or not stage.isprintable():
            raise InvalidEvent("stages", stage, f"a stage's name has 1 to {MAX_STAGE_NAME} printable characters")
        if stage in TERMINAL_STAGES:
            raise InvalidEvent("stages", stage, "is there for every job and is not declared")
    if len(set(stages)) != len(stages):
        raise InvalidEvent("stages", stages, "must not name a stage twice")
