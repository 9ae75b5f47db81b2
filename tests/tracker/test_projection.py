from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import (
    NOON,
    SECOND,
    completed,
    error,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tests.tracker.recordings import present, recorded
from tracker.events import Event, RecordedEvent
from tracker.projection import MAX_KEPT, Job, apply, elapsed_seconds, fold


def after(*events: Event) -> Job:
    return present(fold(recorded(*events)))


def test_a_job_starts_active_at_its_first_stage() -> None:
    job = after(started(photo_info={"file_name": "a.CR3"}))
    assert (job.status, job.current_stage, job.progress, job.message) == ("active", "importing", 0.0, "")
    assert (job.photo_id, job.photo_info) == (456, {"file_name": "a.CR3"})
    assert job.started_at == job.updated_at == NOON
    assert (job.started_position, job.position, job.sequence) == (1, 1, 1)
    assert (job.success, job.result, job.duration, job.completed_at) == (None, None, None, None)


def test_a_job_with_stages_of_its_own_starts_at_the_first_of_them() -> None:
    job = after(started(stages=("scan", "print")))
    assert (job.stages, job.current_stage) == (("scan", "print"), "scan")


def test_progress_moves_the_job_also_backwards() -> None:
    job = after(started(), progressed(progress=50, message="half"), progressed(progress=20, stage="exporting"))
    assert (job.progress, job.current_stage, job.message) == (20, "exporting", "")
    assert (job.updated_at, job.position, job.sequence) == (NOON + 2 * SECOND, 3, 3)


def test_a_completed_stage_is_kept_with_its_time_and_result() -> None:
    job = after(started(), progressed(progress=40), stage_completed(stage="importing", result={"a": 1}))
    (done,) = job.stages_completed
    assert (done.stage, done.completed_at, done.result) == ("importing", NOON + 2 * SECOND, {"a": 1})
    assert (job.current_stage, job.progress) == ("importing", 40)


def test_a_stage_begins_when_it_is_first_told_of() -> None:
    job = after(
        started(),
        error(),
        progressed(stage="importing", progress=10),
        progressed(stage="importing", progress=90),
        stage_completed(stage="importing"),
        error(),
        progressed(stage="exif_analysis"),
        stage_completed(stage="exif_analysis"),
    )
    spans = [(done.started_at - NOON, done.completed_at - NOON) for done in job.stages_completed]
    assert spans == [(2 * SECOND, 4 * SECOND), (6 * SECOND, 7 * SECOND)]
    assert job.stage_started_at is None


def test_a_stage_that_comes_again_begins_anew() -> None:
    job = after(started(), progressed(), stage_completed(stage="exif_analysis"), progressed(), progressed(progress=30))
    assert (job.current_stage, job.stage_started_at) == ("exif_analysis", NOON + 3 * SECOND)


def test_a_stage_of_which_only_the_end_is_told_began_with_the_event_before() -> None:
    job = after(started(), progressed(), stage_completed(stage="exporting"))
    (done,) = job.stages_completed
    assert (done.started_at, done.completed_at) == (NOON + SECOND, NOON + 2 * SECOND)


def test_between_two_stages_there_is_none() -> None:
    assert after(started()).stage_started_at is None
    assert after(started(), progressed(stage="exporting")).stage_started_at == NOON + SECOND
    moved = after(started(), progressed(stage="importing"), progressed(stage="exporting"))
    assert moved.stage_started_at == NOON + 2 * SECOND


def test_an_error_is_kept_and_the_job_goes_on() -> None:
    job = after(started(), error(stage="importing", error_details={"a": 1}))
    (kept,) = job.errors
    assert (kept.error_type, kept.error_message, kept.error_details) == ("io", "lost", {"a": 1})
    assert (kept.stage, kept.occurred_at, job.status) == ("importing", NOON + SECOND, "active")


def test_photo_info_changes_only_the_place() -> None:
    before, later = after(started()), after(started(), photo_info(photo_data={"a": 1}))
    assert later == msgspec.structs.replace(before, updated_at=NOON + SECOND, position=2, sequence=2)


def test_success_ends_a_job_at_100_percent() -> None:
    job = after(started(), progressed(progress=30), completed(result={"a": 1}))
    assert (job.status, job.current_stage, job.progress, job.success) == ("completed", "completed", 100.0, True)
    assert (job.completed_at, job.duration, job.result) == (NOON + 2 * SECOND, 2.0, {"a": 1})


def test_failure_ends_a_job_where_it_was() -> None:
    job = after(started(), progressed(progress=30), failed(result={"error": "gone"}, duration=1.5))
    assert (job.status, job.current_stage, job.progress, job.success) == ("failed", "failed", 30, False)
    assert (job.duration, job.result) == (1.5, {"error": "gone"})


def test_the_elapsed_time_runs_until_the_end_and_is_never_negative() -> None:
    active, ended = after(started()), after(started(), completed(duration=1.5))
    assert elapsed_seconds(active, NOON + 2_500_000) == 2.5
    assert elapsed_seconds(active, NOON) == 0
    assert elapsed_seconds(active, NOON - SECOND) == 0
    assert elapsed_seconds(ended, NOON + 3600 * SECOND) == 1.5


@pytest.mark.parametrize(("count", "kept"), [(MAX_KEPT, MAX_KEPT), (MAX_KEPT + 1, MAX_KEPT)])
def test_the_latest_100_errors_and_stages_are_kept(count: int, kept: int) -> None:
    errors = [error(error_message=str(number)) for number in range(count)]
    stages = [stage_completed(result={"number": number}) for number in range(count)]
    job = after(started(), *errors, *stages)
    assert len(job.errors) == len(job.stages_completed) == kept
    assert job.errors[-1].error_message == str(count - 1)
    assert job.stages_completed[-1].result == {"number": count - 1}
    assert job.sequence == 2 * count + 1


def test_an_event_that_was_applied_changes_nothing_again() -> None:
    rows = recorded(started(), progressed(progress=10), progressed(progress=20))
    job = fold(rows)
    for row in rows:
        assert apply(job, row) is job


def test_an_event_out_of_turn_changes_nothing() -> None:
    rows = recorded(started(), progressed(progress=10), progressed(progress=20))
    job = fold(rows[:1])
    assert apply(job, rows[2]) is job
    assert apply(job, rows[1]) is not job


def test_nothing_but_a_start_makes_a_job() -> None:
    for row in recorded(started(), progressed(), stage_completed(), photo_info(), error(), completed())[1:]:
        assert apply(None, row) is None


ANY_EVENT = st.sampled_from(
    [
        started(),
        started(stages=("scan",)),
        progressed(progress=10),
        progressed(progress=100, stage="exporting"),
        stage_completed(),
        photo_info(),
        error(),
        completed(),
        completed(duration=3.5),
        failed(),
    ]
)


def unchecked(events: list[Event], sequences: list[int]) -> list[RecordedEvent]:
    """Rows that no log would write, in no order."""
    return [
        RecordedEvent(index + 1, one.job_id, sequence, one.type, NOON - index, None, one.payload)
        for index, (one, sequence) in enumerate(zip(events, sequences, strict=False))
    ]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(events=st.lists(ANY_EVENT, max_size=12), sequences=st.lists(st.integers(0, 13), min_size=12, max_size=12))
def test_no_row_makes_apply_raise(events: list[Event], sequences: list[int]) -> None:
    job: Job | None = None
    for row in unchecked(events, sequences):
        moved = apply(job, row)
        assert moved is job or present(moved).sequence == row.sequence
        job = moved


LIVES = st.lists(ANY_EVENT.filter(lambda one: one.type not in {"job_started", "job_completed", "job_failed"}))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(events=LIVES, ends=st.booleans(), cut=st.integers(0, 50))
def test_a_fold_in_two_parts_is_the_fold_of_the_whole(events: list[Event], ends: bool, cut: int) -> None:
    rows = recorded(started(), *events, *([completed()] if ends else []))
    whole = fold(rows)
    assert fold(rows[cut:], fold(rows[:cut])) == whole
    assert fold(iter(rows)) == whole
    assert present(whole).sequence == len(rows)
    assert all(earlier.sequence + 1 == later.sequence for earlier, later in pairwise(rows))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(events=LIVES)
def test_a_job_survives_its_own_encoding(events: list[Event]) -> None:
    job = after(started(), *events, completed())
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job
