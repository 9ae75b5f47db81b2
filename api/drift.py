"""Whether jobs are what their events say: a few of them looked at now and then, as all are by ``tracker verify``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.projection import Job, fold
from tracker.store.base import PAGE_LIMIT, Reader

_log = logging.getLogger("tracker")
_PAUSE_SECONDS = 60.0
_JOBS_A_LOOK = 10


async def watch_drift(reader: Reader, compared: Callable[[int, int], None]) -> None:
    """Compare ten jobs a minute with their events, all in turn, and say how many differed. For ever."""
    before: int | None = None
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            jobs = await reader.list_jobs(None, before, _JOBS_A_LOOK)
            differing = [job.job_id for job in jobs if not await is_its_events(reader, job)]
        except StoreError:
            continue  # the log cannot be read just now: whoever needs it says so
        before = jobs[-1].started_position if len(jobs) == _JOBS_A_LOOK else None
        compared(len(jobs), len(differing))
        for job_id in differing:
            _log.error(
                "Job %s is not what its events say: `tracker verify` looks at all, `tracker rebuild` mends", job_id
            )


async def is_its_events(reader: Reader, job: Job) -> bool:
    """Whether the job is the fold of its events. One that was pruned meanwhile is."""
    folded: Job | None = None
    after = read = 0
    while read < job.sequence:
        page = (await reader.job_events(job.job_id, after, PAGE_LIMIT))[: job.sequence - read]
        if not page:
            return await _is_gone(reader, job)
        folded, after, read = fold(page, folded), page[-1].position, read + len(page)
    return folded == job or await _is_gone(reader, job)


async def _is_gone(reader: Reader, job: Job) -> bool:
    try:
        await reader.load_job(job.job_id)
    except (JobNotFound, JobPruned):
        return True
    return False
