from __future__ import annotations

import json
import math
from collections import OrderedDict
from typing import Any

import pytest

from tests.builders import completed, error, failed, photo_info, progressed, stage_completed, started
from tracker.errors import InvalidEvent
from tracker.events import (
    FACTS,
    MAX_PAYLOAD_BYTES,
    STANDARD_STAGES,
    Event,
    EventTooLarge,
    JobCompleted,
    JobFailed,
    JobStarted,
    ProcessingStage,
    decode_fact,
)


def test_the_seven_types_are_the_seeds() -> None:
    assert list(FACTS) == [
        "job_started",
        "job_progress",
        "stage_completed",
        "photo_info",
        "error_occurred",
        "job_completed",
        "job_failed",
    ]


def test_the_ten_stages_are_the_seeds_and_equal_their_strings() -> None:
    assert STANDARD_STAGES == (
        "importing",
        "exif_analysis",
        "ai_evaluation",
        "context_detection",
        "preset_selection",
        "applying_preset",
        "quality_check",
        "exporting",
        "completed",
        "failed",
    )
    assert {"exif_analysis": 1}[ProcessingStage.EXIF_ANALYSIS] == 1


@pytest.mark.parametrize("progress", [0, 0.0, -0.0, 1e-9, 50, 99.999, 100, 100.0])
def test_progress_from_0_to_100_is_taken(progress: float) -> None:
    assert json.loads(progressed(progress=progress).payload)["progress"] == progress


@pytest.mark.parametrize(
    "progress",
    [math.nan, math.inf, -math.inf, 101, 100.0001, -1, -0.001, "abc", "50", True, False, None, [50], 10**30],
)
def test_progress_that_is_no_number_from_0_to_100_is_refused(progress: Any) -> None:
    with pytest.raises(InvalidEvent) as refused:
        progressed(progress=progress)
    assert refused.value.field == "progress"


@pytest.mark.parametrize("stage", [None, 5, "", "a" * 101, "a\0", "\ud800", True, ProcessingStage.IMPORTING])
def test_a_stage_is_a_short_printable_string(stage: Any) -> None:
    with pytest.raises(InvalidEvent) as refused:
        progressed(stage=stage)
    assert refused.value.field == "stage"


def test_a_stages_name_may_have_100_characters() -> None:
    assert "a" * 100 in stage_completed(stage="a" * 100).payload


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (started, "photo_info"),
        (progressed, "details"),
        (stage_completed, "result"),
        (photo_info, "photo_data"),
        (error, "error_details"),
        (completed, "result"),
        (failed, "result"),
    ],
)
@pytest.mark.parametrize("value", [None, [], "text", {"a": math.nan}, {"a": "\0"}, {1: 2}, {"a": object()}])
def test_every_object_of_every_event_is_checked(build: Any, name: str, value: Any) -> None:
    with pytest.raises(InvalidEvent) as refused:
        build(**{name: value})
    assert refused.value.field.startswith(name)


@pytest.mark.parametrize("text", ["\0", "\ud800", None, 5])
def test_every_text_is_checked(text: Any) -> None:
    with pytest.raises(InvalidEvent, match="message"):
        progressed(message=text)
    with pytest.raises(InvalidEvent, match="error_message"):
        error(error_message=text)
    with pytest.raises(InvalidEvent, match="error_type"):
        error(error_type=text)


@pytest.mark.parametrize("photo_id", [None, 0, -1, 2**53 - 1, -(2**53) + 1, "IMG_001", "a" * 200])
def test_a_photo_id_is_an_integer_a_string_or_null(photo_id: Any) -> None:
    assert json.loads(started(photo_id=photo_id).payload)["photo_id"] == photo_id


@pytest.mark.parametrize("photo_id", [True, 1.5, 2**53, -(2**53), "", "a" * 201, "\0", [], {}, math.nan])
def test_any_other_photo_id_is_refused(photo_id: Any) -> None:
    with pytest.raises(InvalidEvent, match="photo_id"):
        started(photo_id=photo_id)


@pytest.mark.parametrize("job_id", ["j", "a" * 200, "Süß / 東京?#%"])
def test_a_job_id_has_1_to_200_printable_characters(job_id: str) -> None:
    assert started(job_id).job_id == job_id


@pytest.mark.parametrize("job_id", ["", "a" * 201, "a\n", "a\0", "\ud800", None, 5, ["a"]])
def test_any_other_job_id_is_refused(job_id: Any) -> None:
    with pytest.raises(InvalidEvent, match="job_id"):
        started(job_id)


@pytest.mark.parametrize("event_id", ["", "a" * 201, "a\n", 5])
def test_an_event_id_has_the_limits_of_a_job_id(event_id: Any) -> None:
    assert started(event_id="a" * 200).event_id == "a" * 200
    with pytest.raises(InvalidEvent, match="event_id"):
        started(event_id=event_id)


@pytest.mark.parametrize("duration", [-0.001, -1, math.nan, math.inf, "5", True, None, 2**53, 10**30])
def test_a_duration_is_a_number_that_is_not_negative(duration: Any) -> None:
    assert '"duration":0' in completed(duration=0).payload
    with pytest.raises(InvalidEvent, match="duration"):
        completed(duration=duration)


@pytest.mark.parametrize(("kind", "fitting"), [(JobCompleted, True), (JobFailed, False)])
def test_success_fits_the_type(kind: Any, fitting: bool) -> None:
    assert Event.of("job", kind(success=fitting)).type == kind.type
    for other in (not fitting, 1, 0, None, "true"):
        with pytest.raises(InvalidEvent, match="success"):
            Event.of("job", kind(success=other))


@pytest.mark.parametrize(
    "stages",
    [
        (),
        ["one"],
        "one",
        ("one", "one"),
        ("completed",),
        ("one", "failed"),
        ("",),
        ("a" * 101,),
        (5,),
        ("a\n",),
        tuple(map(str, range(101))),
    ],
)
def test_stages_of_its_own_that_a_job_cannot_have_are_refused(stages: Any) -> None:
    with pytest.raises(InvalidEvent, match="stage"):
        started(stages=stages)


@pytest.mark.parametrize("stages", [("one",), ("a" * 100, "b"), tuple(map(str, range(100)))])
def test_1_to_100_stages_of_its_own_are_kept_in_order(stages: tuple[str, ...]) -> None:
    assert json.loads(started(stages=stages).payload)["stages"] == list(stages)


def test_64_kib_of_payload_are_taken_and_one_byte_more_is_not() -> None:
    overhead = len(progressed(message="").payload)
    largest = progressed(message="x" * (MAX_PAYLOAD_BYTES - overhead))
    assert len(largest.payload.encode()) == MAX_PAYLOAD_BYTES == 65_536
    with pytest.raises(EventTooLarge) as refused:
        progressed(message="x" * (MAX_PAYLOAD_BYTES - overhead + 1))
    assert refused.value.code == "event_too_large"


def test_the_limit_counts_bytes_and_not_characters() -> None:
    overhead = len(progressed(message="").payload)
    with pytest.raises(EventTooLarge):
        progressed(message="ü" * (MAX_PAYLOAD_BYTES - overhead - 1))


def test_the_payload_is_a_copy() -> None:
    details: dict[str, Any] = {"camera": {"model": "R5"}, "list": [1]}
    event = progressed(details=details)
    details["camera"]["model"] = "other"
    details["list"].append(2)
    details["new"] = True
    assert json.loads(event.payload)["details"] == {"camera": {"model": "R5"}, "list": [1]}


def test_subclasses_are_stored_as_the_json_behind_them() -> None:
    details = OrderedDict(stage=ProcessingStage.IMPORTING, inner=OrderedDict(b=(1, 2)))
    stored = json.loads(progressed(details=details).payload)["details"]
    assert stored == {"stage": "importing", "inner": {"b": [1, 2]}}


@pytest.mark.parametrize("build", [started, progressed, stage_completed, photo_info, error, completed, failed])
def test_a_payload_decodes_to_the_fact_it_was_made_of(build: Any) -> None:
    event = build()
    assert decode_fact(event.type, event.payload) == event.fact
    assert Event.of("job", event.fact).payload == event.payload


def test_the_photo_id_comes_first_where_it_is_given() -> None:
    # What the log splices into later events depends on it.
    assert Event.of("job", JobStarted(photo_id=5)).payload.startswith('{"photo_id":5')
    assert "photo_id" not in Event.of("job", JobStarted()).payload
