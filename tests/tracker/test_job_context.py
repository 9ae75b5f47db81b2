from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.tracker.doubles import WAIT
from tracker.errors import InvalidEvent, JobExists, RecorderClosed
from tracker.events import RecordedEvent
from tracker.progress_reporter import ProcessingStage, ProgressReporter
from tracker.settings import Settings


@pytest.fixture(params=["embedded", "remote"])
def either(
    request: pytest.FixtureRequest, served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> Iterator[ProgressReporter]:
    """A reporter on the log of ``served``: that one, or one that reports to its server."""
    if request.param == "embedded":
        yield served
        return
    with ProgressReporter(server.url, settings=Settings(spool_folder=str(tmp_path / "spool"))) as remote:
        yield remote


def types(reporter: ProgressReporter) -> list[str]:
    return [row.type for row in rows(reporter)]


def rows(reporter: ProgressReporter) -> list[RecordedEvent]:
    return reporter.tracker.recorder.ask(lambda log: log.read(0, 1000))


def status_of(reporter: ProgressReporter, job_id: str = "a") -> dict[str, Any]:
    status = reporter.get_job_status(job_id)
    assert status is not None
    return status


def test_a_block_starts_a_job_and_completes_it_and_its_stages(
    either: ProgressReporter, served: ProgressReporter
) -> None:
    with either.job("a", 456, {"file_name": "IMG_1.jpg"}) as job:
        with job.stage(ProcessingStage.EXIF_ANALYSIS) as stage:
            stage.progress(40, "Reading", {"iso": 800})
            stage.result = {"iso": 800}
        with job.stage("exporting") as stage:
            stage.complete({"files": 1})
        job.photo_info({"exif": {}})
        job.error("soft", "A warning", {"n": 1}, "exporting")
        job.result["preset"] = "x"
    status = status_of(either)
    assert [(done["stage"], done["result"]) for done in status["stages_completed"]] == [
        ("exif_analysis", {"iso": 800}),
        ("exporting", {"files": 1}),
    ]
    assert (status["success"], status["result"], status["photo_id"]) == (True, {"preset": "x"}, 456)
    assert types(served) == [
        "job_started",
        "job_progress",
        "stage_completed",
        "stage_completed",
        "photo_info",
        "error_occurred",
        "job_completed",
    ]


def test_a_job_has_stages_of_its_own(reporter: ProgressReporter) -> None:
    with reporter.job("a", stages=["scan"]) as job, job.stage("scan") as stage:
        stage.progress(10)
        with pytest.raises(InvalidEvent):
            job.stage("importing").progress(5)
    assert status_of(reporter)["stages"] == ["scan"]


def test_an_exception_is_an_error_and_a_failed_job_and_goes_on_up(
    either: ProgressReporter, served: ProgressReporter
) -> None:
    def work() -> None:
        with either.job("a") as job, job.stage("exif_analysis") as stage:
            stage.progress(40)
            raise ValueError("no EXIF")

    with pytest.raises(ValueError, match="no EXIF") as raised:
        work()
    assert raised.value.__context__ is None
    status = status_of(either)
    assert (status["status"], status["result"]) == ("failed", {"error": "no EXIF"})
    (error,) = status["errors"]
    assert (error["error_type"], error["error_message"], error["stage"]) == ("ValueError", "no EXIF", "exif_analysis")
    assert error["error_details"]["traceback"].endswith("ValueError: no EXIF\n")
    assert "test_job_context.py" in error["error_details"]["traceback"]
    assert types(served) == ["job_started", "job_progress", "error_occurred", "job_failed"]


def test_an_exception_that_is_caught_between_stage_and_job_leaves_the_job_going(reporter: ProgressReporter) -> None:
    with reporter.job("a") as job:
        with pytest.raises(OSError, match="lost"), job.stage("importing"):
            raise OSError("lost")
        with job.stage("exporting"):
            pass
    status = status_of(reporter)
    assert (status["status"], [one["error_type"] for one in status["errors"]]) == ("completed", ["OSError"])
    assert [done["stage"] for done in status["stages_completed"]] == ["exporting"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
def test_every_other_way_out_is_a_failure_too(reporter: ProgressReporter, error: BaseException) -> None:
    with pytest.raises(type(error)), reporter.job("a"):
        raise error
    status = status_of(reporter)
    assert status["status"] == "failed"
    assert status["errors"][0]["error_type"] == type(error).__name__
    assert status["result"] == {"error": str(error) or type(error).__name__}


async def test_async_blocks_do_the_same(either: ProgressReporter) -> None:
    async with either.job("a") as job, job.stage("importing") as stage:
        recorded = await stage.progress(50)
        assert recorded[0].type == "job_progress"
    assert job.receipt is not None
    assert (await job.receipt)[0].type == "job_completed"
    assert job.receipt.wait(WAIT) == 4


async def test_a_cancelled_task_fails_its_job(reporter: ProgressReporter) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with reporter.job("a") as job, job.stage("importing"):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (status_of(reporter)["status"], status_of(reporter)["errors"][0]["stage"]) == ("failed", "importing")


@pytest.mark.parametrize("success", [True, False])
def test_a_job_may_be_ended_before_its_block(reporter: ProgressReporter, success: bool) -> None:
    with reporter.job("a") as job:
        if success:
            job.complete({"n": 1})
        else:
            job.fail("out of film")
    assert types(reporter) == ["job_started", "job_completed" if success else "job_failed"]
    assert status_of(reporter)["result"] == ({"n": 1} if success else {"error": "out of film"})


def test_a_result_that_is_no_json_is_raised_and_fails_the_job(reporter: ProgressReporter) -> None:
    with pytest.raises(InvalidEvent, match="result"), reporter.job("a") as job:
        job.result = {"x": object()}
    with pytest.raises(InvalidEvent, match="result"), reporter.job("b") as job, job.stage("importing") as stage:
        stage.result = {"x": object()}
    for job_id in "ab":
        status = status_of(reporter, job_id)
        assert (status["status"], [one["error_type"] for one in status["errors"]]) == ("failed", ["InvalidEvent"])


def test_a_job_that_cannot_start_does_not_run_its_block(reporter: ProgressReporter) -> None:
    reporter.start_job("a", 1)
    with pytest.raises(JobExists), reporter.job("a", 2):
        pytest.fail("the block ran")
    assert status_of(reporter)["status"] == "active"


def test_trouble_in_reporting_an_exception_does_not_hide_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = ProgressReporter(settings=settings)

    def work() -> None:
        with reporter.job("a") as job, job.stage("importing"):
            reporter.close()
            raise ZeroDivisionError

    with caplog.at_level(logging.WARNING, "tracker"), pytest.raises(ZeroDivisionError):
        work()
    assert [record.getMessage().partition(" was not")[0] for record in caplog.records] == [
        "An error of job 'a'",
        "The end of job 'a'",
    ]
    with pytest.raises(RecorderClosed), reporter.job("b"):
        pass


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error",
    [Unspeakable(), ValueError("\0\ud800" + "x" * 100_000), type("a\nb", (Exception,), {})("c"), ValueError("")],
)
def test_any_exception_can_be_reported(reporter: ProgressReporter, error: Exception) -> None:
    with pytest.raises(type(error)), reporter.job("a"):
        raise error
    status = status_of(reporter)
    assert status["status"] == "failed"
    assert 0 < len(status["result"]["error"]) <= 2000
    assert len(status["errors"][0]["error_details"]["traceback"]) <= 4000


def test_a_deep_exception_has_the_last_frames_of_its_traceback(reporter: ProgressReporter) -> None:
    def fall(depth: int) -> None:
        if depth == 0:
            raise LookupError("the floor")
        fall(depth - 1)

    with pytest.raises(LookupError), reporter.job("a"):
        fall(200)
    trace = status_of(reporter)["errors"][0]["error_details"]["traceback"]
    assert 1 <= trace.count(", in fall") <= 5
    assert trace.endswith("LookupError: the floor\n")
