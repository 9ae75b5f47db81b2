from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tracker.integrations.logging import JobHandler
from tracker.progress_reporter import ProgressReporter

from .conftest import Seen


@pytest.fixture
def log(reporter: ProgressReporter) -> Iterator[logging.Logger]:
    logger = logging.getLogger("photos")
    before = logger.level
    handler = JobHandler(reporter)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_an_error_with_a_job_id_is_an_error_of_the_job(
    reporter: ProgressReporter, seen: Seen, log: logging.Logger
) -> None:
    reporter.start_job("a")
    log.error("No %s data", "EXIF", extra={"job_id": "a", "stage": "exif_analysis"})
    (error,) = seen("error_occurred")
    assert (error.error_type, error.error_message, error.stage) == ("ERROR", "No EXIF data", "exif_analysis")
    assert error.error_details == {"logger": "photos", "level": "ERROR"}


def test_an_exception_is_reported_with_its_class_and_traceback(
    reporter: ProgressReporter, seen: Seen, log: logging.Logger
) -> None:
    reporter.start_job("a")
    try:
        raise OSError("disk on fire")
    except OSError:
        logging.LoggerAdapter(log, {"job_id": "a"}).exception("Saving failed")
    (error,) = seen("error_occurred")
    assert (error.error_type, error.error_message) == ("OSError", "Saving failed")
    assert error.error_details["traceback"].endswith("OSError: disk on fire\n")


def test_records_below_with_a_stage_and_a_progress_are_progress(
    reporter: ProgressReporter, seen: Seen, log: logging.Logger
) -> None:
    reporter.start_job("a")
    log.info("Reading", extra={"job_id": "a", "stage": "importing", "progress": 30})
    (progress,) = seen("job_progress")
    assert (progress.stage, progress.progress, progress.message) == ("importing", 30, "Reading")


def test_all_other_records_are_left_alone(reporter: ProgressReporter, seen: Seen, log: logging.Logger) -> None:
    reporter.start_job("a")
    log.error("of no job")
    log.warning("not that bad", extra={"job_id": "a"})
    assert (seen("error_occurred"), seen("job_progress")) == ([], [])
    log.error("of a job", extra={"job_id": "a"})
    assert len(seen("error_occurred")) == 1


def test_what_the_tracker_refuses_is_one_line_and_nothing_is_raised(
    reporter: ProgressReporter, log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    root = logging.getLogger()
    everything = JobHandler(reporter)
    root.addHandler(everything)
    try:
        with caplog.at_level(logging.WARNING, "tracker"):
            logging.getLogger("elsewhere").error("lost", extra={"job_id": "nobody"})
    finally:
        root.removeHandler(everything)
    told = [record.getMessage() for record in caplog.records if record.name == "tracker"]
    assert told == ["A log record of job 'nobody' was not reported: Job 'nobody' is not known: call start_job first."]


def test_a_message_that_does_not_fit_its_arguments_is_loggings_own_business(
    reporter: ProgressReporter, capsys: pytest.CaptureFixture[str]
) -> None:
    record = logging.LogRecord("photos", logging.ERROR, "x.py", 1, "%d photos", ("many",), None)
    record.job_id = "a"
    JobHandler(reporter).handle(record)
    assert "--- Logging error ---" in capsys.readouterr().err
