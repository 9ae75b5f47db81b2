"""The rules of a job's life, written down a second time, as simply as can be: what the tracker is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker.errors import DuplicateEvent, InvalidEvent, JobExists, JobFinished, JobNotFound, JobPruned, TrackerError

Answer = int | type[TrackerError]
_STANDARD = ("importing", "exif_analysis", "exporting")
_ENDS = ("completed", "failed")


@dataclass
class ModelJob:
    """A job: what it declared, and what its events made of it."""

    content: tuple[Any, ...]
    stages: tuple[str, ...]
    position: int
    status: str = "active"
    stage: str = "importing"
    progress: float = 0.0
    message: str = ""
    errors: int = 0


@dataclass
class Model:
    """A log: ``events`` are job and type by position, without those of pruned jobs."""

    jobs: dict[str, ModelJob] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)
    events: dict[int, tuple[str, str]] = field(default_factory=dict)
    by_id: dict[str, tuple[tuple[Any, ...], int]] = field(default_factory=dict)
    head: int = 0

    def start(self, job_id: str, photo_id: int, stages: tuple[str, ...]) -> Answer:
        """``start_job``."""
        content = (photo_id, stages)
        if job_id in self.pruned:
            return JobPruned
        if job_id in self.jobs:
            job = self.jobs[job_id]
            return job.position if job.content == content else JobExists
        position = self._append(job_id, "job_started")
        self.jobs[job_id] = ModelJob(content, stages, position, stage=stages[0] if stages else "importing")
        return position

    def report(self, job_id: str, stage: str, progress: float, message: str, event_id: str | None) -> Answer:
        """``update_progress``."""
        content = (job_id, stage, progress, message)
        if event_id is not None and event_id in self.by_id:
            known, position = self.by_id[event_id]
            return position if known == content else DuplicateEvent
        refusal = self._refusal(job_id)
        if refusal is not None:
            return refusal
        job = self.jobs[job_id]
        allowed = (*job.stages, *_ENDS) if job.stages else (*_STANDARD, *_ENDS)
        if stage not in allowed:
            return InvalidEvent
        job.stage, job.progress, job.message = stage, progress, message
        position = self._append(job_id, "job_progress")
        if event_id is not None:
            self.by_id[event_id] = (content, position)
        return position

    def report_error(self, job_id: str) -> Answer:
        """``report_error``."""
        refusal = self._refusal(job_id)
        if refusal is not None:
            return refusal
        self.jobs[job_id].errors += 1
        return self._append(job_id, "error_occurred")

    def end(self, job_id: str, success: bool) -> Answer:
        """``complete_job``."""
        refusal = self._refusal(job_id)
        if refusal is not None:
            return refusal
        job = self.jobs[job_id]
        job.status = job.stage = "completed" if success else "failed"
        job.progress = 100.0 if success else job.progress
        return self._append(job_id, "job_completed" if success else "job_failed")

    def prune(self) -> None:
        """Remove every job that has ended."""
        gone = {job_id for job_id, job in self.jobs.items() if job.status != "active"}
        self.pruned |= gone
        self.jobs = {job_id: job for job_id, job in self.jobs.items() if job_id not in gone}
        self.events = {at: event for at, event in self.events.items() if event[0] not in gone}
        self.by_id = {name: known for name, known in self.by_id.items() if known[0][0] not in gone}

    def _refusal(self, job_id: str) -> type[TrackerError] | None:
        if job_id in self.pruned:
            return JobPruned
        if job_id not in self.jobs:
            return JobNotFound
        return JobFinished if self.jobs[job_id].status != "active" else None

    def _append(self, job_id: str, kind: str) -> int:
        self.head += 1
        self.events[self.head] = (job_id, kind)
        return self.head
