"""What a reporter knows of its jobs: enough to refuse a caller's mistake at the call, not only on the receipt."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import msgspec
from msgspec import Struct

from tracker.admission import check_stage
from tracker.errors import JobExists, JobFinished
from tracker.projection import Job

_MOST = 100_000


class _Known(Struct):
    stages: tuple[str, ...]
    payload: str | None  # of job_started, where this reporter sent it
    finished: bool


class KnownJobs:
    """Jobs this reporter has reported on, the latest 100,000; others are looked up in the log once.

    The log decides: other writers may have finished a job that looks active here, and then the receipt says so.
    """

    def __init__(self, load: Callable[[str], Job] | None) -> None:
        """``load`` returns a job of the log, or raises :class:`JobNotFound` or :class:`JobPruned`.

        None: the log is elsewhere, and is not asked at every call. Jobs that others started pass, and are refused on
        the receipt if need be.
        """
        self._load = load
        self._jobs: dict[str, _Known] = {}

    def demand(self, job_id: str, stage: str | None = None, *, ends: bool = False) -> None:
        """Demand a job that takes events and, where a stage is given, has it.

        A call that ``ends`` the job passes also when it has ended: who finishes and who gives up may well race, and
        the first one holds. The log refuses the second on its receipt.

        Raises:
            JobNotFound: If it was not started.
            JobPruned: If it was removed.
            JobFinished: If it has ended.
            InvalidEvent: If the stage is not one of its.
        """
        known = self._jobs.get(job_id) or self._look_up(job_id)
        if known is None:
            return
        if known.finished and not ends:
            raise JobFinished(job_id)
        if stage is not None:
            check_stage(known.stages, stage)

    def demand_new(self, job_id: str, payload: str) -> None:
        """Demand a job that was not started with other content by this reporter, else :class:`JobExists`."""
        known = self._jobs.get(job_id)
        if known is None or known.payload is None or known.payload == payload:
            return
        # Dictionaries in another order are the same content.
        if msgspec.json.decode(known.payload) != msgspec.json.decode(payload):
            raise JobExists(job_id)

    def started(self, job_id: str, payload: str, stages: tuple[str, ...]) -> None:
        """The job's start was accepted."""
        if job_id not in self._jobs:
            self._keep(job_id, _Known(stages, payload, finished=False))

    def forget(self, job_id: str) -> None:
        """The job's start was refused: what the log has under this id is another job, or none. Any thread."""
        self._jobs.pop(job_id, None)

    def finished(self, job_id: str) -> None:
        """The job's end was accepted."""
        known = self._jobs.get(job_id)
        if known is not None:
            known.finished = True

    def _look_up(self, job_id: str) -> _Known | None:
        if self._load is None:
            return None
        job = self._load(job_id)
        return self._keep(job_id, _Known(job.stages, None, job.completed_at is not None))

    def _keep(self, job_id: str, known: _Known) -> _Known:
        self._jobs[job_id] = known
        if len(self._jobs) > _MOST:
            for oldest in list(islice(self._jobs, _MOST // 10)):
                self._jobs.pop(oldest, None)
        return known
