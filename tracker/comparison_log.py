"""Comparisons from a log."""

from __future__ import annotations

from typing import Any

from tracker.comparison import Course, Divergence, first_difference
from tracker.comparison_answer import Run, comparison_answer, typical_answer
from tracker.projection import Job
from tracker.store.base import PAGE_LIMIT, Reader
from tracker.timeline_log import PAGE, Walk
from tracker.typical import MAX_TYPICAL, is_like, typical

TYPICAL = "typical"


async def compare(reader: Reader, a: str, b: str, now: int) -> dict[str, Any]:
    """The public body of a comparison; ``b`` may be ``typical``. ``now`` in microseconds UTC.

    Raises:
        JobNotFound, JobPruned: If one of them is not, or no longer, in the log.
        NoHistory: If nothing is typical for ``a``.
    """
    one = await _read_run(reader, a)
    if b == TYPICAL:
        return typical_answer(one, typical(a, await _like(reader, one.job)), now)
    other = one if a == b else await _read_run(reader, b)
    return comparison_answer(one, other, await _first_difference(reader, one.job, other.job), now)


async def _read_run(reader: Reader, job_id: str) -> Run:
    job, course = await reader.load_job(job_id), Course()
    walk = Walk(reader, job, course.add)
    await walk.finish()
    return Run(job, walk.builder.timeline(job), course)


async def _first_difference(reader: Reader, a: Job, b: Job) -> Divergence | None:
    if a.job_id == b.job_id:
        return None
    for after in range(0, max(a.sequence, b.sequence), PAGE):
        pages = [await reader.job_steps(job.job_id, after, job.sequence, PAGE) for job in (a, b)]
        found = first_difference(*pages)
        if found is not None:
            return found
    return None


async def _like(reader: Reader, job: Job) -> list[Job]:
    """The last 50 to finish that are like it, among the last 1,000 that succeeded."""
    return [other for other in await reader.finished_jobs(0, PAGE_LIMIT) if is_like(job, other)][:MAX_TYPICAL]
