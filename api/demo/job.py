"""One photo's job as it is told: every step goes to the reporter and to the observer."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.demo.errors import PhotoProblem
from api.demo.stages import IMPORTING, overall
from api.demo.text import as_printable, as_unicode

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from api.demo.report import Observer, Reporter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoJob:
    """What is to be done: ``photo`` becomes the file ``target``.

    ``photo_id`` counts the photos of a run from 1.
    """

    job_id: str
    photo_id: int
    photo: Path
    target: Path

    @property
    def name(self) -> str:
        """The photo's file name as valid Unicode."""
        return as_unicode(self.photo.name)

    def info(self) -> dict[str, Any]:
        """The ``photo_info`` of the job; without a size where the file does not tell."""
        info: dict[str, Any] = {"file_name": self.name, "file_path": as_unicode(os.fspath(self.photo))}
        try:
            info["file_size"] = self.photo.stat().st_size
        except OSError:
            # The import says what is wrong with the file; here it has just no size.
            return info
        return info


class Telling:
    """Tells one job's story in order. One thread at a time.

    Each step first looks whether the run was interrupted, and then raises ``PhotoProblem('interrupted')``.
    """

    def __init__(self, job: PhotoJob, reporter: Reporter, observer: Observer | None, stopped: threading.Event) -> None:
        self.job = job
        self.stages_completed = 0
        self._reporter = reporter
        self._observer = observer
        self._stopped = stopped
        self._stage = IMPORTING

    def start(self) -> None:
        """The job begins."""
        self._reporter.start_job(self.job.job_id, self.job.photo_id, self.job.info())

    @contextmanager
    def stage(self, stage: str, message: str) -> Iterator[dict[str, Any]]:
        """A stage begins, and is complete when the block ends; the block fills in its result."""
        self._stage = stage
        self.step(0.0, message)
        result: dict[str, Any] = {}
        yield result
        self._reporter.complete_stage(job_id=self.job.job_id, stage=stage, result=result)
        self.stages_completed += 1

    def step(self, share: float, message: str, details: dict[str, Any] | None = None) -> None:
        """``share`` (0 to 1) of the current stage is done."""
        if self._stopped.is_set():
            raise PhotoProblem("interrupted", "The run was interrupted.")
        percent = overall(self._stage, share)
        self._reporter.update_progress(
            job_id=self.job.job_id, stage=self._stage, progress=percent, message=message, details=details
        )
        if self._observer:
            self._observer.on_progress(self.job.job_id, self.job.name, self._stage, percent, message)

    def send_photo_info(self, photo_data: dict[str, Any]) -> None:
        """What the analysis found."""
        self._reporter.send_photo_info(self.job.job_id, photo_data)

    def succeed(self, result: dict[str, Any]) -> None:
        """The job ends well."""
        self._reporter.complete_job(job_id=self.job.job_id, success=True, result=result)

    def fail(self, problem: PhotoProblem) -> None:
        """The job ends badly. Never raises: a reporter that fails too is logged."""
        message = as_printable(str(problem), 300)
        try:
            self._reporter.report_error(
                job_id=self.job.job_id,
                error_type=problem.error_type,
                error_message=message,
                error_details=problem.details,
                stage=self._stage,
            )
            self._reporter.complete_job(
                job_id=self.job.job_id,
                success=False,
                result={"error": message, "error_type": problem.error_type},
            )
        except Exception:
            logger.exception("The failure of job %s could not be reported", self.job.job_id)
