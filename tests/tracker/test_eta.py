"""Estimates, against history that was held back: of ten jobs, nine end within the 90 % time, whatever their shape."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from tests.builders import NOON, SECOND
from tracker.eta import KEPT_JOBS, KEPT_KINDS, LEAST_JOBS, Estimate, History
from tracker.projection import CompletedStage, Job

Shape = Callable[[random.Random], list[tuple[float, float]]]  # of each stage: seconds before it begins, and in it
STAGES = ("scan", "think", "print", "pack")


def steady(dice: random.Random) -> list[tuple[float, float]]:
    return [(0.0, dice.gauss(mean, mean / 10)) for mean in (5, 60, 20, 5)]


def heavy_tailed(dice: random.Random) -> list[tuple[float, float]]:
    return [(dice.expovariate(1), dice.lognormvariate(mean, 1.3)) for mean in (1, 3, 2, 0)]


def pareto(dice: random.Random) -> list[tuple[float, float]]:
    return [(0.0, 10 * dice.paretovariate(1.5)) for _ in STAGES]


def correlated(dice: random.Random) -> list[tuple[float, float]]:
    size = dice.lognormvariate(0, 1)  # of the photo: what takes long in one stage does in all
    return [(0.0, size * dice.uniform(0.9, 1.1) * mean) for mean in (5, 60, 20, 5)]


def two_kinds(dice: random.Random) -> list[tuple[float, float]]:
    slow = 30 if dice.random() < 0.3 else 1
    return [(0.1, dice.expovariate(1 / mean)) for mean in (5, 10 * slow, 20, 5)]


def waiting(dice: random.Random) -> list[tuple[float, float]]:
    return [(dice.expovariate(1 / 30), dice.expovariate(1 / 10)) for _ in STAGES]


SHAPES: list[Shape] = [steady, heavy_tailed, pareto, correlated, two_kinds, waiting]


def finished(name: str, steps: list[tuple[float, float]], tail: float = 0.5) -> Job:
    """A job that took so long: before each stage, in it, and after the last one."""
    at, done = NOON, []
    for stage, (before, inside) in zip(STAGES, steps, strict=True):
        started = at + int(before * SECOND)
        at = started + int(max(0.001, inside) * SECOND)
        done.append(CompletedStage(stage, started, at, {}))
    end = at + int(tail * SECOND)
    return Job(
        job_id=name,
        photo_id=None,
        photo_info={},
        stages=STAGES,
        status="completed",
        current_stage="completed",
        progress=100,
        message="",
        started_at=NOON,
        updated_at=end,
        completed_at=end,
        stages_completed=tuple(done),
        started_position=1,
        position=9,
        sequence=9,
    )


def as_it_was(job: Job, at: int) -> Job:
    """The job before it was finished."""
    done = tuple(stage for stage in job.stages_completed if stage.completed_at <= at)
    following = job.stages_completed[len(done)] if len(done) < len(STAGES) else None
    is_in_it = following is not None and following.started_at <= at
    return replace(
        job,
        status="active",
        current_stage=following.stage if following is not None and is_in_it else (done[-1].stage if done else "scan"),
        stage_started_at=following.started_at if following is not None and is_in_it else None,
        stages_completed=done,
        completed_at=None,
        updated_at=at,
    )


def watched(held_back: list[Job], dice: random.Random) -> Iterator[tuple[Job, int, float]]:
    """Each job as it was at moments at random, with the seconds it still took: as clients ask, at a steady rate."""
    lengths = sorted(job.updated_at - NOON for job in held_back)
    every = lengths[len(lengths) // 2] / 12
    for job in held_back:
        at = NOON + dice.random() * every
        # Of one that takes a hundred times as long, not a hundred times as many: they would be most of the sample.
        for _ in range(24):
            if at >= job.updated_at:
                break
            yield as_it_was(job, int(at)), int(at), (job.updated_at - at) / SECOND
            at += every


def split(shape: Shape, seed: int) -> tuple[History, list[Job], random.Random]:
    dice = random.Random(seed)
    history = History()
    for number in range(KEPT_JOBS):
        history.add(finished(str(number), shape(dice)))
    return history, [finished(f"new{number}", shape(dice)) for number in range(150)], dice


def coverage(shape: Shape, estimate: Callable[[History, Job, int], Estimate]) -> tuple[float, float]:
    """How many percent of what was left was within p50, and within p90."""
    within50 = within90 = asked = 0
    for seed in range(8):
        history, held_back, dice = split(shape, seed)
        for job, at, left in watched(held_back, dice):
            told = estimate(history, job, at)
            asked += 1
            within50 += left <= told.p50
            within90 += left <= told.p90
    return 100 * within50 / asked, 100 * within90 / asked


def conditional(history: History, job: Job, at: int) -> Estimate:
    told = history.estimate(job, at)
    assert isinstance(told, Estimate), told
    return told


def unconditional(history: History, job: Job, at: int) -> Estimate:
    """As if each had just begun its stage: what was spent already says nothing."""
    since = job.stage_started_at or (job.stages_completed[-1].completed_at if job.stages_completed else job.started_at)
    return conditional(history, job, min(at, since))


def of_the_whole(history: History, job: Job, at: int) -> Estimate:
    """The usual time of a whole job, less what is over."""
    new = replace(as_it_was(finished("x", [(1.0, 1.0)] * 4), NOON), stage_started_at=None, current_stage="scan")
    whole, spent = conditional(history, new, NOON), (at - NOON) / SECOND
    return Estimate(max(0.0, whole.p50 - spent), max(0.0, whole.p90 - spent), whole.jobs)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_of_ten_held_back_jobs_nine_end_within_p90_and_five_within_p50(shape: Shape) -> None:
    half, most = coverage(shape, conditional)
    assert 40 <= half <= 60
    assert 85 <= most <= 95


@pytest.mark.parametrize("control", [unconditional, of_the_whole], ids=lambda control: control.__name__)
def test_an_estimate_that_ignores_the_time_spent_does_not(control: Callable[[History, Job, int], Estimate]) -> None:
    reached = []
    for shape in SHAPES:
        half, most = coverage(shape, control)
        reached.append(40 <= half <= 60 and 85 <= most <= 95)
    assert not all(reached)
    assert sum(reached) <= 2


def ten(history: History | None = None, count: int = LEAST_JOBS) -> History:
    """Jobs of 1, 2, 3 … seconds in each stage."""
    history = history or History()
    for number in range(1, count + 1):
        history.add(finished(str(number), [(0.0, float(number))] * len(STAGES), tail=0.0))
    return history


def test_what_is_left_is_what_those_that_were_there_still_took() -> None:
    job = as_it_was(finished("new", [(0.0, 99.0)] * 4), NOON)
    assert ten().estimate(job, NOON) == Estimate(6 * 4, 10 * 4, 10)
    assert ten(count=100).estimate(job, NOON + 90 * SECOND) == Estimate(96 * 4 - 90, 100 * 4 - 90, 100)


def test_longer_than_any_before_goes_on_as_the_longest_did() -> None:
    job = as_it_was(finished("new", [(0.0, 9999.0)] * 4), NOON)
    told = ten(count=100).estimate(job, NOON + 1000 * SECOND)
    assert isinstance(told, Estimate)
    assert 3 * 81 < told.p50 < told.p90 < 3 * 100 + 1000


def test_too_few_jobs_give_no_estimate() -> None:
    job = as_it_was(finished("new", [(0.0, 9.0)] * 4), NOON)
    assert History().estimate(job, NOON) == "too_little_history"
    assert ten(count=LEAST_JOBS - 1).estimate(job, NOON) == "too_little_history"
    assert isinstance(ten().estimate(job, NOON), Estimate)


def test_jobs_with_other_stages_or_without_success_say_nothing() -> None:
    history = History()
    for number in range(30):
        done = finished(str(number), [(0.0, 1.0)] * 4)
        history.add(replace(done, stages=("other",)))
        history.add(replace(done, status="failed"))
    assert history.estimate(as_it_was(done, NOON), NOON) == "too_little_history"


def test_a_job_behind_a_stage_that_none_before_had_is_not_estimated() -> None:
    new = finished("new", [(0.0, 9.0)] * 4)
    strange = CompletedStage("polish", NOON, NOON, {})
    job = replace(as_it_was(new, NOON), current_stage="polish", stage_started_at=None, stages_completed=(strange,))
    assert ten().estimate(job, NOON) == "unknown_stages"
    # In such a stage, what came before it still says something.
    inside = replace(job, stage_started_at=NOON, stages_completed=new.stages_completed[:2])
    assert isinstance(ten().estimate(inside, NOON + 18 * SECOND), Estimate)


def test_a_finished_job_is_not_estimated() -> None:
    assert ten().estimate(finished("new", [(0.0, 9.0)] * 4), NOON) == "finished"


def test_a_clock_that_was_set_back_makes_nothing_negative() -> None:
    job = as_it_was(finished("new", [(0.0, 99.0)] * 4), NOON)
    assert ten().estimate(job, NOON - 999 * SECOND) == ten().estimate(job, NOON)
    history = History()
    for number in range(20):
        done = finished(str(number), [(0.0, 1.0)] * 4)
        history.add(replace(done, completed_at=NOON - SECOND, updated_at=NOON - SECOND))
    told = history.estimate(job, NOON)
    assert isinstance(told, Estimate)
    assert told.p50 >= 0


def test_the_latest_jobs_are_kept_and_each_once() -> None:
    job = as_it_was(finished("new", [(0.0, 999.0)] * 4), NOON)
    history = ten(count=KEPT_JOBS + 100)
    told = history.estimate(job, NOON)
    assert told == Estimate(4 * 201, 4 * 281, KEPT_JOBS)  # of the jobs of 101 to 300 seconds a stage
    history.add(finished(str(KEPT_JOBS + 100), [(0.0, 1.0)] * 4))
    assert history.estimate(job, NOON) == told


def test_the_kinds_of_jobs_heard_of_last_are_kept() -> None:
    history = ten()
    job = as_it_was(finished("new", [(0.0, 9.0)] * 4), NOON)
    for number in range(KEPT_KINDS):
        assert math.isfinite(conditional(history, job, NOON).p90)
        history.add(replace(finished("a", [(0.0, 1.0)] * 4), stages=(f"stage{number}",)))
    assert history.estimate(job, NOON) == "too_little_history"
