from __future__ import annotations

import io
import logging
import time
from typing import Any

import pytest
from tqdm import std

from tracker.integrations.tqdm import tqdm
from tracker.progress_reporter import ProgressReporter

from .conftest import Seen


def test_a_bar_reports_its_stage(reporter: ProgressReporter, seen: Seen) -> None:
    drawn = io.StringIO()
    with reporter.job("a") as job, job.stage("exporting") as stage:
        passed = list(tqdm(range(8), desc="Photos", unit="photo", stage=stage, file=drawn))
    assert passed == list(range(8))
    last = seen("job_progress")[-1]
    assert (last.stage, last.progress, last.message) == ("exporting", 100, "Photos 8/8 photo")
    assert last.details == {"done": 8, "total": 8}
    assert "Photos: 100%" in drawn.getvalue()


@pytest.mark.parametrize("disable", [True, None])
def test_a_bar_that_is_not_drawn_reports_all_the_same(reporter: ProgressReporter, seen: Seen, disable: Any) -> None:
    nobody = io.StringIO()  # no terminal, which turns bars with None off
    with (
        reporter.job("a") as job,
        job.stage("exporting") as stage,
        tqdm(total=200, stage=stage, disable=disable, file=nobody) as bar,
    ):
        bar.update(50)
    assert seen("job_progress")[-1].progress == 25
    assert nobody.getvalue() == ""


def test_a_fast_bar_reports_no_more_than_ten_times_a_second(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage:
        bar = tqdm(total=20_000, stage=stage, file=io.StringIO(), mininterval=0)
        started = time.monotonic()
        for _ in range(20_000):
            bar.update()
        bar.close()
        seconds = time.monotonic() - started
    reported = [fact.progress for fact in seen("job_progress")]
    assert reported[-1] == 100
    assert len(reported) <= 10 * seconds + 2


def test_without_a_total_the_count_is_the_message(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage:
        list(tqdm(iter("abc"), stage=stage, file=io.StringIO()))
    last = seen("job_progress")[-1]
    assert (last.progress, last.message) == (0, "3 it")


def test_more_than_the_total_is_100_percent(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage:
        list(tqdm(range(5), total=2, stage=stage, file=io.StringIO()))
    assert seen("job_progress")[-1].progress == 100


def test_without_a_stage_it_is_tqdm(reporter: ProgressReporter, seen: Seen) -> None:
    drawn, theirs = io.StringIO(), io.StringIO()
    assert list(tqdm(range(3), file=drawn)) == list(std.tqdm(range(3), file=theirs))
    assert drawn.getvalue().count("100%") == theirs.getvalue().count("100%") == 1
    assert tqdm(range(3), disable=True).disable is True
    assert seen("job_progress") == []


def test_trouble_in_reporting_is_said_once_and_the_loop_goes_on(
    reporter: ProgressReporter, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    job = reporter.job("a")
    job.start()
    job.complete()
    with (
        caplog.at_level(logging.WARNING, "tracker"),
        tqdm(total=100, stage=job.stage("exporting"), file=io.StringIO()) as bar,
    ):
        for _ in range(5):
            bar._pace._not_before = 0  # type: ignore[union-attr]
            bar.update(20)
            bar.refresh()
    assert bar.n == 100
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Progress was not reported"]
    assert seen("job_progress") == []
