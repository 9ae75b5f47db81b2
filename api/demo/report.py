"""What the demo talks to (a reporter, an observer) and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Reporter(Protocol):
    """The calls of the quick start guide. Called from several threads; return values are ignored."""

    def start_job(self, job_id: str, photo_id: int, photo_info: dict[str, Any]) -> object:
        """A job begins."""

    def update_progress(
        self, job_id: str, stage: str, progress: float, message: str, details: dict[str, Any] | None
    ) -> object:
        """The job as a whole is at ``progress``, from 0 to 100."""

    def complete_stage(self, job_id: str, stage: str, result: dict[str, Any]) -> object:
        """A stage is done."""

    def send_photo_info(self, job_id: str, photo_data: dict[str, Any]) -> object:
        """What was found out about the photo."""

    def report_error(
        self, job_id: str, error_type: str, error_message: str, error_details: dict[str, Any], stage: str
    ) -> object:
        """Something went wrong."""

    def complete_job(self, job_id: str, success: bool, result: dict[str, Any]) -> object:
        """The job ends."""


class Observer(Protocol):
    """Someone who watches a run, as a view does. Called from several threads."""

    def on_progress(self, job_id: str, name: str, stage: str, percent: float, message: str) -> None:
        """A job is at ``percent``, from 0 to 100."""

    def on_finished(self, result: PhotoResult) -> None:
        """A job has ended, well or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoResult:
    """How one photo fared.

    ``name`` is valid Unicode, but may hold control characters. ``score`` is 0 to 5. What was not reached is
    ``None``; ``error`` and ``error_type`` are ``None`` exactly when ``ok``. ``quality_passed`` is the verdict
    of the check of the result, which a successful job may well not pass.
    """

    job_id: str
    name: str
    ok: bool
    seconds: float
    preset: str | None = None
    context: str | None = None
    score: float | None = None
    quality_passed: bool | None = None
    output: Path | None = None
    error: str | None = None
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """A whole run: the results of the jobs that started, in the order of the photos."""

    results: tuple[PhotoResult, ...]
    output: Path
    seconds: float
    not_started: int = 0
    interrupted: bool = False

    @property
    def succeeded(self) -> int:
        """How many jobs ended well."""
        return sum(result.ok for result in self.results)

    @property
    def failed(self) -> int:
        """How many jobs started and did not end well."""
        return len(self.results) - self.succeeded
