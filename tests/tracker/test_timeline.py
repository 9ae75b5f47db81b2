from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON, SECOND, completed, error, failed, photo_info, progressed, stage_completed, started
from tests.tracker.recordings import present, recorded
from tracker.events import Event
from tracker.projection import fold
from tracker.timeline import MAX_POINTS, Step, Timeline
from tracker.timeline_answer import timeline_answer
from tracker.timeline_builder import TimelineBuilder


def steps_of(*events: Event) -> list[Step]:
    return [(row.position, row.sequence, row.type, row.recorded_at, row.payload) for row in recorded(*events)]


def timeline_of(*events: Event) -> Timeline:
    """The events come a second apart, from noon on."""
    builder = TimelineBuilder()
    builder.add(steps_of(*events))
    return builder.timeline(present(fold(recorded(*events))))


def told(timeline: Timeline) -> list[tuple[Any, ...]]:
    """Name, occurrence, and seconds after noon of start, end and completion of each stage."""
    return [
        (stage.stage, stage.occurrence, *map(_after_noon, (stage.started_at, stage.ended_at, stage.completed_at)))
        for stage in timeline.stages
    ]


def _after_noon(at: int | None) -> float | None:
    return None if at is None else (at - NOON) / SECOND


def gaps(timeline: Timeline) -> list[tuple[Any, ...]]:
    return [(gap.after, gap.before, _after_noon(gap.started_at), _after_noon(gap.ended_at)) for gap in timeline.gaps]


def test_stages_are_in_the_order_of_time_with_the_gaps_between_them() -> None:
    timeline = timeline_of(
        started(),
        photo_info(),
        progressed(stage="importing"),
        progressed(stage="importing", progress=90),
        stage_completed(stage="importing"),
        photo_info(),
        progressed(stage="exif_analysis"),
        stage_completed(stage="exif_analysis"),
        completed(),
    )
    assert told(timeline) == [("importing", 1, 2, 4, 4), ("exif_analysis", 1, 6, 7, 7)]
    assert gaps(timeline) == [
        (None, "importing", 0, 2),
        ("importing", "exif_analysis", 4, 6),
        ("exif_analysis", None, 7, 8),
    ]


def test_a_repeated_stage_appears_again() -> None:
    timeline = timeline_of(
        started(),
        progressed(stage="importing"),
        progressed(stage="exporting"),
        progressed(stage="importing"),
        stage_completed(stage="importing"),
        progressed(stage="importing"),
    )
    assert told(timeline) == [
        ("importing", 1, 1, 2, None),
        ("exporting", 1, 2, 3, None),
        ("importing", 2, 3, 4, 4),
        ("importing", 3, 5, None, None),
    ]


def test_a_stage_that_was_not_told_of_began_with_the_last_event_of_any_kind() -> None:
    timeline = timeline_of(started(), photo_info(), stage_completed(stage="importing"), completed())
    assert told(timeline) == [("importing", 1, 1, 2, 2)]


def test_completing_another_stage_leaves_the_one_that_is_open() -> None:
    timeline = timeline_of(started(), progressed(stage="importing"), photo_info(), stage_completed(stage="exporting"))
    assert told(timeline) == [("importing", 1, 1, 2, None), ("exporting", 1, 2, 3, 3)]


def test_the_end_of_the_job_ends_a_stage_without_completing_it() -> None:
    assert told(timeline_of(started(), progressed(stage="importing"), failed())) == [("importing", 1, 1, 2, None)]
    assert told(timeline_of(started(), progressed(stage="importing"))) == [("importing", 1, 1, None, None)]


def test_a_gap_lasts_while_nothing_runs() -> None:
    timeline = timeline_of(started(), stage_completed(stage="importing"))
    assert gaps(timeline) == [("importing", None, 1, None)]
    assert gaps(timeline_of(started())) == []


def test_errors_have_their_time_and_position() -> None:
    timeline = timeline_of(started(), progressed(), error(stage="exif_analysis"), error(error_message="again"))
    assert [(one.error_message, one.stage, one.at, one.position) for one in timeline.errors] == [
        ("lost", "exif_analysis", NOON + 2 * SECOND, 3),
        ("again", None, NOON + 3 * SECOND, 4),
    ]
    assert timeline.error_count == 2


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 199, 200, 1000, 5000])
def test_a_curve_is_thinned_with_its_first_and_last_kept(count: int) -> None:
    events = [progressed(progress=index / 100) for index in range(count)]
    (stage,) = timeline_of(started(), *events).stages
    values = [point.progress for point in stage.curve]
    assert len(values) <= MAX_POINTS
    assert (values[0], values[-1]) == (0, (count - 1) / 100)
    assert values == sorted(set(values))
    assert len(values) >= min(count, MAX_POINTS // 2)
    assert stage.events == count


def test_of_many_stages_and_errors_the_latest_are_kept_and_all_are_counted() -> None:
    turns = [progressed(stage=("importing", "exporting")[index % 2]) for index in range(1200)]
    timeline = timeline_of(started(), *turns, *[error(error_message=str(index)) for index in range(1100)])
    assert (len(timeline.stages), timeline.stage_count) == (1000, 1200)
    assert (len(timeline.errors), timeline.error_count) == (1000, 1100)
    assert (timeline.stages[-1].stage, timeline.stages[-1].occurrence) == ("exporting", 600)
    assert timeline.errors[-1].error_message == "1099"
    assert gaps(timeline) == []  # the time before the stages that are not kept is no gap


def test_a_stage_knows_its_positions_and_events() -> None:
    timeline = timeline_of(
        started(), progressed(), photo_info(), progressed(), stage_completed(), stage_completed(stage="exporting")
    )
    assert [(one.first_position, one.last_position, one.events) for one in timeline.stages] == [(2, 5, 4), (6, 6, 1)]


_STAGES = st.sampled_from(["importing", "exporting", "quality_check"])
_EVENTS = st.lists(
    st.one_of(
        _STAGES.map(lambda stage: progressed(stage=stage)),
        _STAGES.map(lambda stage: stage_completed(stage=stage)),
        st.just(photo_info()),
        st.just(error()),
    ),
    max_size=40,
)


@given(_EVENTS, st.booleans(), st.integers(1, 7))
def test_it_agrees_with_the_job_stage_by_stage_however_it_is_fed(
    events: list[Event], is_ended: bool, page: int
) -> None:
    told_of = [started(), *events, *([completed()] if is_ended else [])]
    steps, job = steps_of(*told_of), present(fold(recorded(*told_of)))
    builder = TimelineBuilder()
    for index in range(0, len(steps), page):
        builder.add(steps[index : index + page])
    timeline = builder.timeline(job)
    assert [(one.stage, one.started_at, one.completed_at) for one in timeline.stages if one.completed_at] == [
        (done.stage, done.started_at, done.completed_at) for done in job.stages_completed
    ]
    running = [stage for stage in timeline.stages if stage.ended_at is None]
    assert [stage.started_at for stage in running] == (
        [job.stage_started_at] if job.stage_started_at is not None and not is_ended else []
    )
    for one, other in zip(timeline.stages, timeline.stages[1:], strict=False):
        assert one.ended_at is not None
        assert one.started_at <= one.ended_at <= other.started_at


def test_durations_and_shares_add_up_to_the_whole_job() -> None:
    timeline = timeline_of(started(), progressed(), stage_completed(), photo_info(), progressed(), completed())
    body = timeline_answer(timeline, NOON + 999 * SECOND)
    parts = [*body["stages"], *body["gaps"]]
    assert body["elapsed_seconds"] == sum(part["duration"] for part in parts) == 5
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    assert (body["first_position"], body["last_position"], body["events"]) == (1, 6, 6)


def test_what_runs_has_come_to_now_and_no_clock_makes_it_negative() -> None:
    timeline = timeline_of(started(), progressed())
    (stage,) = timeline_answer(timeline, NOON + 11 * SECOND)["stages"]
    assert (stage["duration"], stage["ended_at"], stage["completed_at"]) == (10, None, None)
    assert stage["share"] == pytest.approx(10 / 11)
    (stage,) = timeline_answer(timeline, NOON - SECOND)["stages"]
    assert (stage["duration"], stage["share"]) == (0, 0)
