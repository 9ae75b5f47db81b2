"""A log of this process's own, as a reporter uses it; its twin is :class:`tracker.remote.reporting.RemoteTracker`."""

from __future__ import annotations

from typing import Any

from tracker.errors import JobNotFound, JobPruned
from tracker.messages import status
from tracker.runtime import Tracker
from tracker.times import now


class EmbeddedLog:
    """Asks the tracker; every answer comes after all that was reported before."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.record = tracker.recorder.record
        self.flush = tracker.recorder.flush
        self.close = tracker.close

    def status(self, job_id: str) -> dict[str, Any] | None:
        """A job's status; None if there is no such job."""
        try:
            job = self.tracker.recorder.ask(lambda log: log.load_job(job_id))
        except (JobNotFound, JobPruned):
            return None
        return status(job, now())

    def active(self) -> dict[str, dict[str, Any]]:
        """The status of every unfinished job by its id."""
        jobs = self.tracker.recorder.ask(lambda log: log.active_jobs())
        at = now()
        return {job.job_id: status(job, at) for job in jobs}
