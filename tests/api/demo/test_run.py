from __future__ import annotations

import _thread
import errno
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from api.demo import DemoError, PhotoResult, find_photos, run_demo
from api.demo.stages import STAGES

from .doubles import RecordingReporter
from .hostile import HOSTILE, make_hostile


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "results"


def test_a_good_photo_goes_through_eight_stages_in_order(
    reporter: RecordingReporter, photo: Path, output: Path
) -> None:
    (result,) = run_demo(reporter, [photo], output).results
    assert result.ok
    assert [call["stage"] for call in reporter.of(result.job_id, "complete_stage")] == list(STAGES)
    assert len(STAGES) == 8
    (ended,) = reporter.of(result.job_id, "complete_job")
    assert ended["success"] is True
    assert ended["result"]["stages_completed"] == 8
    assert ended["result"]["preset_applied"] == result.preset
    assert ended["result"]["output"] == str(result.output)
    assert reporter.of(result.job_id, "report_error") == []


def test_progress_rises_from_0_to_100_and_its_stages_follow_in_order(
    reporter: RecordingReporter, photo: Path, output: Path
) -> None:
    (result,) = run_demo(reporter, [photo], output).results
    updates = reporter.of(result.job_id, "update_progress")
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.0, 100.0)
    places = [STAGES.index(update["stage"]) for update in updates]
    assert places == sorted(places)
    assert all(update["message"] for update in updates)


def test_a_job_says_what_the_photo_is_and_what_was_measured(
    reporter: RecordingReporter, photo: Path, output: Path
) -> None:
    (result,) = run_demo(reporter, [photo], output).results
    (started,) = reporter.of(result.job_id, "start_job")
    assert started["photo_id"] == 1
    assert started["photo_info"] == {
        "file_name": photo.name,
        "file_path": str(photo),
        "file_size": photo.stat().st_size,
    }
    (info,) = reporter.of(result.job_id, "send_photo_info")
    assert info["photo_data"]["exif"]["camera_model"] == "Canon EOS R5"
    assert info["photo_data"]["ai_evaluation"]["score"] == result.score
    assert info["photo_data"]["context"] == result.context == "landscape"


def test_every_sample_is_developed_into_a_jpeg_without_location_or_leftovers(
    reporter: RecordingReporter, samples: list[Path], output: Path
) -> None:
    report = run_demo(reporter, samples, output)
    assert (report.succeeded, report.failed, report.not_started, report.interrupted) == (24, 0, 0, False)
    assert sorted(output.iterdir()) == sorted(result.output for result in report.results if result.output)
    for result in report.results:
        assert result.output
        with Image.open(result.output) as image:
            image.load()
            assert image.format == "JPEG"
            assert not image.getexif()
    assert reporter.unfinished == set()


def test_upright_photos_are_exported_upright(reporter: RecordingReporter, samples: list[Path], output: Path) -> None:
    (result,) = run_demo(reporter, [samples[1]], output).results
    assert result.output
    with Image.open(result.output) as image:
        assert image.size == (800, 1200)


def test_results_keep_the_order_of_the_photos_and_ids_differ_between_runs(
    reporter: RecordingReporter, samples: list[Path], output: Path
) -> None:
    first = run_demo(reporter, samples[:4], output, workers=4)
    second = run_demo(reporter, samples[:4], output)
    assert [result.name for result in first.results] == [sample.name for sample in samples[:4]]
    assert len({result.job_id for report in (first, second) for result in report.results}) == 8


def test_each_hostile_file_fails_its_own_job_and_no_other(
    reporter: RecordingReporter, photo: Path, tmp_path: Path, output: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    make_hostile(folder, photo)
    (folder / "good.jpg").write_bytes(photo.read_bytes())
    report = run_demo(reporter, find_photos(folder), output)
    outcomes = {result.name: result.error_type for result in report.results}
    assert outcomes == {**HOSTILE, "good.jpg": None}
    assert [path.name for path in output.iterdir()] == ["good.jpg"]
    assert reporter.unfinished == set()


def test_a_failed_job_reports_the_error_and_then_ends(
    reporter: RecordingReporter, tmp_path: Path, output: Path
) -> None:
    (tmp_path / "x.jpg").write_text("words")
    (result,) = run_demo(reporter, [tmp_path / "x.jpg"], output).results
    (error,) = reporter.of(result.job_id, "report_error")
    assert error["error_type"] == "not_an_image"
    assert error["stage"] == "importing"
    (ended,) = reporter.of(result.job_id, "complete_job")
    assert ended == {"success": False, "result": {"error": error["error_message"], "error_type": "not_an_image"}}
    assert result.error == error["error_message"]


def test_a_file_that_may_not_be_read_fails_its_job(
    reporter: RecordingReporter, photo: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("api.demo.source.os.open", refuse)
    (result,) = run_demo(reporter, [photo], output).results
    assert (result.error_type, result.error) == ("unreadable_file", "There is no permission to read the file.")


@pytest.mark.parametrize(("limit", "error_type"), [(0, None), (-1, "too_large")])
def test_a_file_may_have_as_many_bytes_as_the_limit_and_no_more(
    reporter: RecordingReporter,
    photo: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    error_type: str | None,
) -> None:
    monkeypatch.setattr("api.demo.source.MAX_FILE_BYTES", photo.stat().st_size + limit)
    (result,) = run_demo(reporter, [photo], output).results
    assert result.error_type == error_type


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"two\nlines.jpg", b"[red]\x1b[31m.jpg", "日本 é.jpg".encode()])
def test_any_file_name_can_be_told(reporter: RecordingReporter, photo: Path, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / os.fsdecode(name)).write_bytes(photo.read_bytes())
    (result,) = run_demo(reporter, find_photos(folder), tmp_path / "results").results
    assert result.ok
    assert reporter.of(result.job_id, "start_job")[0]["photo_info"]["file_name"] == name.decode("utf-8", "replace")
    assert result.output
    assert result.output.exists()


def test_an_error_nobody_foresaw_fails_one_job_and_is_logged(
    reporter: RecordingReporter,
    samples: list[Path],
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[int] = []

    def broken(*args: object) -> object:
        calls.append(1)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("api.demo.pipeline.detect_context", broken)
    with caplog.at_level(logging.ERROR):
        report = run_demo(reporter, samples[:2], output)
    assert len(calls) == 2
    assert {result.error_type for result in report.results} == {"unexpected_error"}
    assert report.results[0].error == "Unexpected error: ZeroDivisionError: a bug"
    assert all(record.exc_info for record in caplog.records)
    assert reporter.unfinished == set()


class RefusingReporter(RecordingReporter):
    def start_job(self, job_id: str, photo_id: int, photo_info: object) -> None:
        raise RuntimeError("closed")


def test_a_reporter_that_refuses_everything_stops_no_run(
    photo: Path, output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        report = run_demo(RefusingReporter(), [photo, photo], output)
    assert [result.error for result in report.results] == ["Unexpected error: RuntimeError: closed"] * 2


class StoppingReporter(RecordingReporter):
    """Interrupts the run when the first job reaches its evaluation, and goes on when the run has noticed."""

    def __init__(self, noticed: threading.Event) -> None:
        super().__init__()
        self._noticed = noticed

    def complete_stage(self, job_id: str, stage: str, result: dict[str, object] | None = None) -> None:
        super().complete_stage(job_id, stage, result)
        if stage == "exif_analysis":
            self.interrupt()
            assert self._noticed.wait(30), "The run did not notice that it was interrupted."

    def interrupt(self) -> None:
        _thread.interrupt_main()


class StoppedFromOutside(StoppingReporter):
    def interrupt(self) -> None:
        self._noticed.set()


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    """What a terminal's Ctrl-C does, also where the tests were started in the background: there it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
@pytest.mark.parametrize("kind", [StoppingReporter, StoppedFromOutside])
def test_an_interrupted_run_fails_what_runs_and_starts_nothing_more(
    samples: list[Path], output: Path, kind: type[StoppingReporter]
) -> None:
    stop = threading.Event()
    reporter = kind(stop)
    report = run_demo(reporter, samples[:5], output, workers=1, stop=stop)
    assert report.interrupted
    assert report.not_started == 4
    (result,) = report.results
    assert result.error_type == "interrupted"
    assert reporter.of(result.job_id, "report_error")[0]["stage"] == "ai_evaluation"
    assert reporter.of(result.job_id, "complete_job")[0]["success"] is False
    assert reporter.unfinished == set()
    assert list(output.iterdir()) == []


def test_a_finished_run_leaves_the_stop_event_alone(reporter: RecordingReporter, photo: Path, output: Path) -> None:
    stop = threading.Event()
    assert not run_demo(reporter, [photo], output, stop=stop).interrupted
    assert not stop.is_set()


def test_a_run_changes_no_setting_of_pillow_for_good(reporter: RecordingReporter, photo: Path, output: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    run_demo(reporter, [photo], output)
    assert before == Image.MAX_IMAGE_PIXELS


def test_originals_are_never_written_over(reporter: RecordingReporter, photo: Path) -> None:
    before = photo.read_bytes()
    with pytest.raises(DemoError):
        run_demo(reporter, [photo], photo.parent)
    assert photo.read_bytes() == before
    assert reporter.calls == []


class Watching:
    def __init__(self) -> None:
        self.progress: list[tuple[str, float]] = []
        self.finished: list[PhotoResult] = []

    def on_progress(self, job_id: str, name: str, stage: str, percent: float, message: str) -> None:
        assert not self.finished
        self.progress.append((stage, percent))

    def on_finished(self, result: PhotoResult) -> None:
        self.finished.append(result)


def test_an_observer_sees_what_the_reporter_is_told(reporter: RecordingReporter, photo: Path, output: Path) -> None:
    observer = Watching()
    report = run_demo(reporter, [photo], output, observer=observer)
    updates = reporter.of(report.results[0].job_id, "update_progress")
    assert observer.progress == [(update["stage"], update["progress"]) for update in updates]
    assert tuple(observer.finished) == report.results
