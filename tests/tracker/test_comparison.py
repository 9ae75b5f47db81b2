from __future__ import annotations

from tests.builders import completed, error, failed, photo_info, progressed, stage_completed, started
from tests.tracker.recordings import present, recorded
from tests.tracker.test_timeline import steps_of, timeline_of
from tracker.comparison import (
    Course,
    Divergence,
    StageRow,
    content_differences,
    error_differences,
    first_difference,
    first_turn,
    stage_rows,
    stage_seconds,
)
from tracker.events import Event
from tracker.projection import fold


def course(*events: Event) -> Course:
    course = Course()
    course.add(steps_of(*events))
    return course


def sequences(found: Divergence | None) -> tuple[int | None, int | None] | None:
    if found is None:
        return None
    return found.a[1] if found.a else None, found.b[1] if found.b else None


def test_stages_are_aligned_by_name_and_occurrence() -> None:
    a = {("one", 1): 1.0, ("two", 1): 2.0, ("one", 2): 3.0}
    b = {("zero", 1): 9.0, ("one", 1): 1.5, ("extra", 1): 8.0, ("more", 1): 7.0, ("one", 2): 2.5}
    assert stage_rows(a, b) == [
        StageRow("zero", 1, None, 9.0),
        StageRow("one", 1, 1.0, 1.5),
        StageRow("extra", 1, None, 8.0),
        StageRow("more", 1, None, 7.0),
        StageRow("two", 1, 2.0, None),
        StageRow("one", 2, 3.0, 2.5),
    ]
    assert stage_rows({}, {}) == []


def test_each_stage_has_its_seconds() -> None:
    timeline = timeline_of(started(), progressed(), progressed(), stage_completed(), progressed())
    assert stage_seconds(timeline, timeline.stages[-1].started_at + 500_000) == {
        ("exif_analysis", 1): 2,
        ("exif_analysis", 2): 0.5,
    }


def test_ids_and_times_are_no_difference() -> None:
    one = steps_of(started("a", photo_id=1, photo_info={"x": 1}), progressed("a"), completed("a", duration=1.0))
    other = steps_of(
        started("b", photo_id="P2", photo_info={"x": 1}, occurred_at="2025-11-09T12:00:00Z"),
        progressed("b", event_id="e"),
        completed("b", duration=2.0),
    )
    assert first_difference(one, other) is None


def test_the_first_event_that_differs_and_what_differs() -> None:
    one = steps_of(started(), progressed(details={"iso": 1}), progressed(progress=30))
    other = steps_of(started(), progressed(details={"iso": 2}), progressed(progress=40))
    found = first_difference(one, other)
    assert found is not None
    assert sequences(found) == (2, 2)
    assert found.differs == (("details.iso", 1, 2),)
    found = first_difference(one[:1] + one[2:], other[:1] + other[2:])
    assert found is not None
    assert found.differs == (("progress", 30, 40),)


def test_a_run_that_ends_first_differs_there() -> None:
    steps = steps_of(started(), progressed(), progressed())
    assert sequences(first_difference(steps, steps[:2])) == (3, None)
    assert sequences(first_difference(steps[:2], steps)) == (None, 3)
    assert first_difference(steps, steps) is None


def test_how_often_progress_is_told_is_no_turn() -> None:
    one = course(started(), progressed(progress=1), progressed(progress=2), stage_completed(), completed())
    other = course(started(), progressed(progress=7), stage_completed(), completed())
    assert first_turn(one, other) is None


def test_the_first_turn_is_another_type_stage_or_error() -> None:
    straight = course(started(), progressed(), progressed(), stage_completed(), completed())
    ways = {
        "type": course(started(), progressed(), photo_info()),
        "stage": course(started(), progressed(), progressed(stage="exporting")),
    }
    for name, way in ways.items():
        found = first_turn(straight, way)
        assert sequences(found) == (4, 3), name
        assert found is not None
        assert name in [path for path, _, _ in found.differs]
    found = first_turn(course(started(), error()), course(started(), error(error_type="timeout")))
    assert found is not None
    assert found.differs == (("error_type", "io", "timeout"),)
    assert sequences(first_turn(straight, course(started(), progressed()))) == (4, None)


def test_details_and_results_that_differ() -> None:
    def run(camera: str, size: int, score: float, *more: Event) -> list[Event]:
        return [
            started(photo_info={"camera": camera}),
            progressed(details={"n": 1}),
            progressed(details={"n": size}),
            stage_completed(result={"size": size}),
            *more,
            completed(result={"score": score}),
        ]

    one, other = run("R5", 1, 4.0, progressed(stage="exporting")), run("R6", 2, 3.5)
    jobs = [present(fold(recorded(*events))) for events in (one, other)]
    found = list(content_differences((jobs[0], timeline_of(*one)), (jobs[1], timeline_of(*other))))
    assert found == [
        ("photo_info.camera", "R5", "R6"),
        ("stages.exif_analysis.details.n", 1, 2),
        ("stages.exif_analysis.result.size", 1, 2),
        ("result.score", 4.0, 3.5),
    ]


def test_errors_that_only_one_has() -> None:
    one = timeline_of(started(), error(), error(), error(error_message="gone"), failed())
    other = timeline_of(started(), error(), error(stage="exporting"), failed())
    only_one, only_other, both = error_differences(one, other)
    assert [(each.error_message, each.position) for each in only_one] == [("lost", 3), ("gone", 4)]
    assert [(each.stage, each.position) for each in only_other] == [("exporting", 3)]
    assert both == 1
