"""A log of this process's own, as a reporter uses it; its twin is :class:`tracker.remote.reporting.RemoteTracker`."""

from __future__ import annotations

from typing import Any

from tracker.errors import JobNotFound, JobPruned
from tracker.messages import status
from tracker.past_jobs import PastJobs
from tracker.projection import Job
from tracker.runtime import Tracker
from tracker.store.base import Writer
from tracker.times import now


class EmbeddedLog:
    """Asks the tracker; every answer comes after all that was reported before."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.record = tracker.recorder.record
        self.flush = tracker.recorder.flush
        self.close = tracker.close
        self._past = PastJobs()  # of the recorder's thread, as all that asks the writer

    def status(self, job_id: str) -> dict[str, Any] | None:
        """A job's status; None if there is no such job."""
        try:
            return self.tracker.recorder.ask(lambda log: self._shown(log, [log.load_job(job_id)])[0])
        except (JobNotFound, JobPruned):
            return None

    def active(self) -> dict[str, dict[str, Any]]:
        """The status of every unfinished job by its id."""
        shown = self.tracker.recorder.ask(lambda log: self._shown(log, log.active_jobs()))
        return {one["job_id"]: one for one in shown}

    def _shown(self, log: Writer, jobs: list[Job]) -> list[dict[str, Any]]:
        is_wanted = any(job.status == "active" for job in jobs)
        if is_wanted and self._past.is_due:
            self._past.take(log.finished_jobs(self._past.since, self._past.limit))
        at = now()
        return [status(job, at, self._past.history) for job in jobs]
