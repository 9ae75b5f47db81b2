from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import (
    NOON,
    SECOND,
    completed,
    error,
    event,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tests.tracker.recordings import present, recorded
from tracker.admission import admit, check_stage, repeats, settle_repeat
from tracker.errors import DuplicateEvent, InvalidEvent, JobExists, JobFinished, JobNotFound
from tracker.events import MAX_PAYLOAD_BYTES, STANDARD_STAGES, Event, JobStarted, ProgressUpdated, RecordedEvent
from tracker.intake import event_from_message
from tracker.projection import Job, fold

LATER = [progressed(), stage_completed(), photo_info(), error(), completed(), failed()]


def job_after(*events: Event) -> Job:
    return present(fold(recorded(*events)))


def admitted(job: Job | None, new: Event, at: int = NOON) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(admit(job, new, at)[0])
    return decoded


@pytest.mark.parametrize("new", LATER)
def test_a_job_begins_with_its_start(new: Event) -> None:
    with pytest.raises(JobNotFound):
        admit(None, new, NOON)
    assert admit(job_after(started()), new, NOON)


@pytest.mark.parametrize("end", [completed(), failed()])
@pytest.mark.parametrize("new", LATER)
def test_a_finished_job_takes_nothing_more(end: Event, new: Event) -> None:
    with pytest.raises(JobFinished):
        admit(job_after(started(), end), new, NOON)


@pytest.mark.parametrize("stage", STANDARD_STAGES)
def test_a_job_has_the_ten_stages(stage: str) -> None:
    for new in (progressed(stage=stage), stage_completed(stage=stage), error(stage=stage)):
        assert admit(job_after(started()), new, NOON)


@pytest.mark.parametrize("stage", ["scan", "Importing", "importing "])
def test_another_stage_is_refused(stage: str) -> None:
    for new in (progressed(stage=stage), stage_completed(stage=stage), error(stage=stage)):
        with pytest.raises(InvalidEvent) as refused:
            admit(job_after(started()), new, NOON)
        assert refused.value.field == "stage"


def test_a_job_with_stages_of_its_own_has_those_and_the_two_ends() -> None:
    job = job_after(started(stages=("scan", "print")))
    for stage in ("scan", "print", "completed", "failed"):
        assert admit(job, progressed(stage=stage), NOON)
    with pytest.raises(InvalidEvent, match="scan, print, completed, failed"):
        admit(job, progressed(stage="importing"), NOON)


def test_a_stage_is_checked_against_what_was_declared() -> None:
    check_stage((), "exporting")
    check_stage(("scan",), "scan")
    with pytest.raises(InvalidEvent):
        check_stage(("scan",), "exporting")


def test_an_error_needs_no_stage() -> None:
    assert admitted(job_after(started()), error())["stage"] is None


@pytest.mark.parametrize("photo_id", [456, "IMG_001", 'quote"d', None])
def test_the_jobs_photo_id_is_filled_in(photo_id: Any) -> None:
    job = job_after(started(photo_id=photo_id))
    for new in LATER:
        assert admitted(job, new)["photo_id"] == photo_id


def test_a_photo_id_that_was_given_is_kept() -> None:
    job = job_after(started(photo_id=456))
    assert admitted(job, photo_info(photo_id=457))["photo_id"] == 457
    assert admitted(job, photo_info(photo_id=None))["photo_id"] is None


def test_a_start_without_photo_id_has_null() -> None:
    assert admitted(None, event("job", JobStarted())) == {"photo_id": None, "photo_info": {}}


@pytest.mark.parametrize("end", [completed, failed])
def test_the_duration_is_computed_where_it_is_not_given(end: Any) -> None:
    job = job_after(started())
    assert admitted(job, end(), NOON + 2 * SECOND + 500_000)["duration"] == 2.5
    assert admitted(job, end(duration=7.25), NOON + SECOND)["duration"] == 7.25


@pytest.mark.parametrize("end", [completed, failed])
def test_a_duration_is_never_negative_whatever_the_clock_does(end: Any) -> None:
    assert admitted(job_after(started()), end(), NOON - 3600 * SECOND)["duration"] == 0.0


def test_a_completion_lists_the_completed_stages_and_a_failure_does_not() -> None:
    job = job_after(started(), stage_completed(stage="importing", result={"a": 1}), stage_completed(stage="exporting"))
    assert admitted(job, completed())["stages_completed"] == [
        {"stage": "importing", "completed_at": "2025-11-09T12:00:01.000000Z", "result": {"a": 1}},
        {"stage": "exporting", "completed_at": "2025-11-09T12:00:02.000000Z", "result": {}},
    ]
    assert "stages_completed" not in admitted(job, failed())


def test_a_completion_that_would_grow_too_large_lists_the_stages_without_results() -> None:
    result = {"text": "x" * 40_000}
    job = job_after(started(), stage_completed(stage="importing", result=result))
    assert admitted(job, completed())["stages_completed"][0]["result"] == result
    job = job_after(started(), *[stage_completed(stage="importing", result=result)] * 2)
    payload, _ = admit(job, completed(), NOON)
    assert len(payload) <= MAX_PAYLOAD_BYTES
    assert [done["result"] for done in json.loads(payload)["stages_completed"]] == [{}, {}]


def again(new: Event, *before: Event) -> tuple[RecordedEvent, Event]:
    return recorded(*before, new)[-1], new


@pytest.mark.parametrize("new", LATER)
def test_an_event_repeats_itself_whatever_the_log_added(new: Event) -> None:
    first, same = again(new, started(), stage_completed())
    assert repeats(first, same)
    assert settle_repeat(first, same) is first


def test_the_order_of_keys_and_the_form_of_numbers_are_no_content() -> None:
    first = recorded(started(photo_info={"a": 1, "b": 2.0}))[0]
    assert repeats(first, started(photo_info={"b": 2, "a": 1}))


@pytest.mark.parametrize(
    "other",
    [
        started(photo_id=457),
        started(photo_info={"a": 1}),
        started(stages=("scan",)),
        started("other"),
        progressed(),
    ],
)
def test_other_content_does_not_repeat(other: Event) -> None:
    first, _ = again(started())
    assert not repeats(first, other)


def test_a_start_with_other_content_says_that_the_job_exists() -> None:
    first, _ = again(started())
    with pytest.raises(JobExists):
        settle_repeat(first, started(photo_id=457))


def test_an_event_id_with_other_content_says_so() -> None:
    first, _ = again(progressed(event_id="e1"), started())
    with pytest.raises(DuplicateEvent) as refused:
        settle_repeat(first, progressed(progress=26, event_id="e1"))
    assert refused.value.event_id == "e1"


def test_the_fact_is_the_one_that_the_payload_holds() -> None:
    job = job_after(started(), stage_completed())
    for new in LATER:
        payload, fact = admit(job, new, NOON + SECOND)
        stored = event("job", fact)
        assert json.loads(stored.payload).items() <= json.loads(payload).items()
    assert isinstance(admit(job, progressed(), NOON)[1], ProgressUpdated)


def test_the_producers_clock_is_no_part_of_what_it_says() -> None:
    def message(timestamp: str) -> Event:
        return event_from_message({"type": "job_started", "job_id": "job", "timestamp": timestamp})

    first = message("2025-11-09T10:30:00Z")
    kept = RecordedEvent(1, "job", 1, first.type, NOON, None, first.payload)
    assert repeats(kept, message("2025-11-09T10:31:00Z"))
