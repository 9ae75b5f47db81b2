from __future__ import annotations

import io

import pytest
from rich.console import Console

from tracker.integrations.rich import JobProgress
from tracker.progress_reporter import ProgressReporter

from .conftest import Seen


def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def test_a_task_reports_its_stage(reporter: ProgressReporter, seen: Seen) -> None:
    screen = console()
    with reporter.job("a") as job, job.stage("exporting") as stage, JobProgress(console=screen) as progress:
        task = progress.add_task("Photos", total=4, stage=stage)
        progress.advance(task)
        progress.update(task, completed=3)
    assert [fact.progress for fact in seen("job_progress")] == [25, 75]
    last = seen("job_progress")[-1]
    assert (last.stage, last.message, last.details) == ("exporting", "Photos 3/4", {"done": 3, "total": 4})
    assert "Photos" in screen.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_drawn", [True, False])
def test_track_reports_to_its_end(reporter: ProgressReporter, seen: Seen, is_drawn: bool) -> None:
    with (
        reporter.job("a") as job,
        job.stage("exporting") as stage,
        JobProgress(console=console(), disable=not is_drawn) as progress,
    ):
        task = progress.add_task("Photos", total=None, stage=stage)
        assert list(progress.track("abcd", task_id=task)) == list("abcd")
    assert seen("job_progress")[-1].progress == 100


def test_a_task_that_is_removed_reports_its_last_count(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage, JobProgress(console=console()) as progress:
        task = progress.add_task("Photos", total=100, stage=stage)
        for _ in range(100):
            progress.advance(task)
        progress.remove_task(task)
        assert seen("job_progress")[-1].progress == 100


def test_tasks_without_a_stage_report_nothing_and_those_without_a_total_a_count(
    reporter: ProgressReporter, seen: Seen
) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage, JobProgress(console=console()) as progress:
        progress.advance(progress.add_task("Mine"))
        progress.advance(progress.add_task("Theirs", total=None, stage=stage), 3)
    assert [(fact.progress, fact.message) for fact in seen("job_progress")] == [(0, "Theirs 3")]
