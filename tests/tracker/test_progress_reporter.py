from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.tracker.doubles import WAIT, in_threads
from tracker import progress_reporter
from tracker.errors import (
    DuplicateEvent,
    InvalidEvent,
    JobExists,
    JobFinished,
    JobNotFound,
    NotInitialized,
    RecorderClosed,
    ServerError,
    StoreOwned,
)
from tracker.events import EventTooLarge
from tracker.progress_reporter import (
    ProcessingStage,
    ProgressReporter,
    get_progress_reporter,
    init_progress_reporter,
)
from tracker.runtime import Tracker
from tracker.settings import Settings


def call_all(reporter: ProgressReporter, job_id: str) -> list[Callable[[], object]]:
    """The five calls that report on a job that was started."""
    return [
        lambda: reporter.update_progress(job_id, "importing", 5),
        lambda: reporter.complete_stage(job_id, "importing"),
        lambda: reporter.report_error(job_id, "io", "lost"),
        lambda: reporter.send_photo_info(job_id, {}),
        lambda: reporter.complete_job(job_id),
    ]


def test_the_seeds_guide_runs_as_it_is_written(reporter: ProgressReporter) -> None:
    job_id = "job_12345"
    reporter.start_job(job_id, 456, {"file_name": "IMG_001.CR3", "file_size": 25600000})
    reporter.update_progress(
        job_id=job_id,
        stage=ProcessingStage.EXIF_ANALYSIS,
        progress=25.0,
        message="Analyzing camera settings...",
        details={"camera": "Canon EOS R5", "iso": 800},
    )
    active = reporter.get_active_jobs()
    assert list(active) == [job_id]
    assert (active[job_id]["progress"], active[job_id]["current_stage"]) == (25.0, "exif_analysis")
    reporter.complete_stage(job_id=job_id, stage=ProcessingStage.EXIF_ANALYSIS, result={"iso": 800})
    reporter.report_error(
        job_id=job_id,
        error_type="validation_error",
        error_message="Invalid exposure value",
        error_details={"field": "exposure", "value": 999},
        stage=ProcessingStage.APPLYING_PRESET,
    )
    reporter.send_photo_info(job_id, {"exif": {"camera_make": "Canon"}})
    reporter.complete_job(job_id=job_id, success=True, result={"preset_applied": "WhiteLayer_Transparency_v4"})
    status = reporter.get_job_status(job_id)
    assert status is not None
    assert (status["status"], status["progress"], status["success"]) == ("completed", 100.0, True)
    assert [done["stage"] for done in status["stages_completed"]] == ["exif_analysis"]
    assert status["errors"][0]["error_type"] == "validation_error"
    assert reporter.get_active_jobs() == {}


def test_a_job_may_end_in_failure(reporter: ProgressReporter) -> None:
    reporter.start_job("a")
    reporter.complete_job("a", success=False, result={"error": "File not found"}, duration=5.2)
    status = reporter.get_job_status("a")
    assert status is not None
    assert (status["status"], status["duration"], status["result"]) == ("failed", 5.2, {"error": "File not found"})


def test_a_status_sees_the_calls_before_it(reporter: ProgressReporter) -> None:
    reporter.start_job("a")
    for progress in range(100):
        reporter.update_progress("a", "importing", progress)
        status = reporter.get_job_status("a")
        assert status is not None
        assert status["progress"] == progress


def test_an_unknown_job_has_no_status_and_takes_no_calls(reporter: ProgressReporter) -> None:
    assert reporter.get_job_status("nobody") is None
    for call in call_all(reporter, "nobody"):
        with pytest.raises(JobNotFound):
            call()


def test_a_finished_job_takes_no_calls_but_a_second_end_is_refused_on_its_receipt(reporter: ProgressReporter) -> None:
    reporter.start_job("a")
    assert reporter.complete_job("a").wait(WAIT) == 2
    for call in call_all(reporter, "a")[:-1]:
        with pytest.raises(JobFinished):
            call()
    with pytest.raises(JobFinished):
        reporter.complete_job("a", success=False).wait(WAIT)
    assert reporter.start_job("a").wait(WAIT) == 1


def test_a_start_again_is_a_no_op_with_the_same_content_and_else_an_error(reporter: ProgressReporter) -> None:
    first = reporter.start_job("a", 456, {"x": 1, "y": 2})
    assert reporter.start_job("a", 456, {"y": 2, "x": 1}).wait(WAIT) == first.wait(WAIT) == 1
    for others in ((457, {"x": 1, "y": 2}), (456, {"x": 2}), (456, None)):
        with pytest.raises(JobExists):
            reporter.start_job("a", *others)


def test_a_job_of_an_earlier_reporter_goes_on(settings: Settings) -> None:
    with ProgressReporter(settings=settings) as reporter:
        reporter.start_job("a", 1, stages=["scan", "print"])
    with ProgressReporter(settings=settings) as reporter:
        with pytest.raises(InvalidEvent, match="scan, print"):
            reporter.update_progress("a", "importing", 5)
        assert reporter.update_progress("a", "print", 5).wait(WAIT) == 2
        with pytest.raises(JobExists):
            reporter.start_job("a", 2).wait(WAIT)


def test_an_event_id_makes_a_call_repeatable_even_when_the_job_has_ended(reporter: ProgressReporter) -> None:
    reporter.start_job("a")
    reporter.update_progress("a", "importing", 5, event_id="e1")
    end = reporter.complete_job("a", event_id="end").wait(WAIT)
    assert reporter.update_progress("a", "importing", 5, event_id="e1").wait(WAIT) == 2
    assert reporter.complete_job("a", event_id="end").wait(WAIT) == end
    with pytest.raises(DuplicateEvent):
        reporter.update_progress("a", "importing", 6, event_id="e1").wait(WAIT)


@pytest.mark.parametrize(
    "progress", [101, -1, float("nan"), float("inf"), "abc", "5", None, True, 10**30, -(10**400), [5]]
)
def test_a_progress_that_is_none_is_refused_at_the_call(reporter: ProgressReporter, progress: Any) -> None:
    reporter.start_job("a")
    with pytest.raises(InvalidEvent, match="progress"):
        reporter.update_progress("a", "importing", progress)
    assert reporter.update_progress("a", "importing", 100).wait(WAIT) == 2


@pytest.mark.parametrize("stage", ["nowhere", None, 5, "", ["importing"]])
def test_a_stage_that_is_none_is_refused_at_the_call(reporter: ProgressReporter, stage: Any) -> None:
    reporter.start_job("a")
    with pytest.raises(InvalidEvent, match="stage"):
        reporter.update_progress("a", stage, 5)
    with pytest.raises(InvalidEvent, match="stage"):
        reporter.complete_stage("a", stage)


@pytest.mark.parametrize("stages", ["scan", 5, [], [5], ["scan", "scan"], ["completed"], {"scan": 1}, [["scan"]]])
def test_stages_that_are_no_list_of_names_are_refused_at_the_call(reporter: ProgressReporter, stages: Any) -> None:
    with pytest.raises(InvalidEvent, match="stages"):
        reporter.start_job("a", stages=stages)
    assert reporter.get_job_status("a") is None


@pytest.mark.parametrize("job_id", ["", None, 5, "a\n", "a" * 201, ["a"]])
def test_a_job_id_that_is_none_is_refused_at_the_call(reporter: ProgressReporter, job_id: Any) -> None:
    for call in [lambda: reporter.start_job(job_id), *call_all(reporter, job_id)]:
        with pytest.raises(InvalidEvent, match="job_id"):
            call()


def test_content_beyond_its_limits_is_refused_at_the_call(reporter: ProgressReporter) -> None:
    reporter.start_job("a")
    with pytest.raises(EventTooLarge):
        reporter.send_photo_info("a", {"x": "y" * 65_536})
    with pytest.raises(InvalidEvent, match="photo_data"):
        reporter.send_photo_info("a", [1])  # type: ignore[arg-type]
    with pytest.raises(InvalidEvent, match="success"):
        reporter.complete_job("a", success="yes")  # type: ignore[arg-type]
    for duration in (-1, float("nan"), "5", 10**30):
        with pytest.raises(InvalidEvent, match="duration"):
            reporter.complete_job("a", duration=duration)  # type: ignore[arg-type]
    assert [job["sequence"] for job in reporter.get_active_jobs().values()] == [1]


def test_what_the_caller_does_later_with_its_dictionary_changes_nothing(reporter: ProgressReporter) -> None:
    info: dict[str, Any] = OrderedDict(file_name="a", tags=["x"])
    reporter.start_job("a", 1, info)
    info["file_name"] = "b"
    info["tags"].append("y")
    status = reporter.get_job_status("a")
    assert status is not None
    assert status["photo_info"] == {"file_name": "a", "tags": ["x"]}


def test_active_jobs_are_in_the_order_they_started(reporter: ProgressReporter) -> None:
    for name in "cabd":
        reporter.start_job(name)
    reporter.complete_job("b")
    assert list(reporter.get_active_jobs()) == ["c", "a", "d"]


def test_many_threads_may_share_a_reporter(reporter: ProgressReporter) -> None:
    def work(number: int) -> None:
        job_id = f"job-{number}"
        reporter.start_job(job_id, number)
        for progress in range(101):
            reporter.update_progress(job_id, "importing", progress)
        reporter.complete_job(job_id)

    in_threads(*[partial(work, number) for number in range(8)])
    reporter.flush(WAIT)
    for number in range(8):
        status = reporter.get_job_status(f"job-{number}")
        assert status is not None
        assert (status["sequence"], status["status"]) == (103, "completed")


def test_of_two_ends_that_race_the_first_holds(reporter: ProgressReporter) -> None:
    for number in range(20):
        job_id = str(number)
        reporter.start_job(job_id)
        receipts = [None, None]

        def end(place: int, job_id: str = job_id, receipts: list[Any] = receipts) -> None:
            receipts[place] = reporter.complete_job(job_id, success=bool(place))

        in_threads(partial(end, 0), partial(end, 1))
        outcomes = []
        for receipt in receipts:
            try:
                outcomes.append(receipt.wait(WAIT))  # type: ignore[attr-defined]
            except JobFinished:
                outcomes.append(None)
        assert outcomes.count(None) == 1


def test_a_closed_reporter_refuses_and_closing_again_is_harmless(settings: Settings) -> None:
    reporter = ProgressReporter(settings=settings)
    reporter.start_job("a")
    reporter.close()
    reporter.close()
    for call in [*call_all(reporter, "a"), lambda: reporter.get_job_status("a"), reporter.get_active_jobs]:
        with pytest.raises(RecorderClosed):
            call()


def test_closing_writes_what_was_accepted(settings: Settings) -> None:
    with ProgressReporter(settings=settings) as reporter:
        for number in range(2000):
            reporter.start_job(str(number))
    with ProgressReporter(settings=settings) as reporter:
        assert len(reporter.get_active_jobs()) == 2000


def test_a_log_has_one_reporter(settings: Settings) -> None:
    with ProgressReporter(settings=settings), pytest.raises(StoreOwned):
        ProgressReporter(settings=settings)
    ProgressReporter(settings=settings).close()


@pytest.fixture
def _no_reporter() -> Iterator[None]:
    yield
    if progress_reporter._reporter is not None:
        progress_reporter._reporter.close()
    progress_reporter._reporter = None


@pytest.mark.usefixtures("_no_reporter")
def test_the_processs_reporter_is_made_once_and_found_again(tmp_path: Path) -> None:
    with pytest.raises(NotInitialized):
        get_progress_reporter()
    first = init_progress_reporter(database_url=f"sqlite:///{tmp_path}/a.db")
    assert get_progress_reporter() is first
    second = init_progress_reporter(database_url=f"sqlite:///{tmp_path}/a.db")
    assert get_progress_reporter() is second
    with pytest.raises(RecorderClosed):
        first.start_job("a")
    assert second.start_job("a").wait(WAIT) == 1


@pytest.mark.usefixtures("_no_reporter")
def test_without_a_url_the_log_is_that_of_the_settings(tmp_path: Path) -> None:
    init_progress_reporter().start_job("a")
    assert (tmp_path / "data" / "jobreel" / "tracker.db").is_file()


class Server:
    """A server of ours, as far as a reporter knows."""

    def __init__(self, error: Exception | None = None) -> None:
        self.attached: list[Tracker] = []
        self._error = error

    def attach(self, tracker: Tracker) -> None:
        if self._error is not None:
            raise self._error
        self.attached.append(tracker)


def test_a_server_is_attached_to_the_reporters_tracker(settings: Settings) -> None:
    server = Server()
    with ProgressReporter(server, settings=settings) as reporter:
        assert server.attached == [reporter.tracker]


def test_a_server_that_cannot_listen_leaves_the_log_free(settings: Settings) -> None:
    with pytest.raises(ServerError):
        ProgressReporter(Server(ServerError("127.0.0.1", 80, "it is taken")), settings=settings)
    ProgressReporter(settings=settings).close()


def test_a_call_from_a_thread_that_ended_is_recorded(reporter: ProgressReporter) -> None:
    thread = threading.Thread(target=reporter.start_job, args=("a",))
    thread.start()
    thread.join(WAIT)
    assert reporter.get_job_status("a") is not None


def test_a_start_that_the_log_refused_leaves_the_job_as_the_log_has_it(database_url: str) -> None:
    with ProgressReporter(database_url=database_url) as reporter:
        reporter.start_job("a", 1)
    with ProgressReporter(database_url=database_url) as reporter:
        with pytest.raises(JobExists):
            reporter.start_job("a", 1, stages=["one", "two"]).wait()
        assert reporter.update_progress("a", "importing", 5).wait() == 2
        with pytest.raises(InvalidEvent):
            reporter.update_progress("a", "one", 5)
