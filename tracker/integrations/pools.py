"""Pools of ``concurrent.futures`` and ``multiprocessing``: each task a job, or a step of one.

The process that owns the pool reports, so that a log of its own will do, and a worker that is killed is told too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from multiprocessing.pool import AsyncResult, Pool
from operator import length_hint
from typing import TYPE_CHECKING, Any, TypeVar, overload

from tracker.integrations.pace import Pace
from tracker.integrations.results import complete
from tracker.job_context import ReportedJob, ReportedStage, logged

if TYPE_CHECKING:
    from tracker.progress_reporter import ProgressReporter

T = TypeVar("T")
STAGE = "running"


def steps(stage: ReportedStage, done: Iterable[T], total: int | None = None) -> Iterator[T]:
    """Pass results on as they come, and report them as the stage's progress.

    ``done`` is what the pool gives: ``pool.map(…)``, ``as_completed(futures)``, ``pool.imap_unordered(…)``.
    ``total``: how many there will be, where ``done`` has no length; else only their count is reported.
    """
    number = total if total is not None else length_hint(done)
    pace = Pace(stage)
    try:
        for count, one in enumerate(done, 1):
            percent = 100 * count / number if number else None
            pace.offer(percent, f"{count}/{number}" if number else f"{count}")
            yield one
    finally:
        pace.finish()


@overload
def submit(
    pool: Executor, reporter: ProgressReporter, job_id: str, function: Callable[..., T], *args: Any, **kwargs: Any
) -> Future[T]: ...


@overload
def submit(
    pool: Pool, reporter: ProgressReporter, job_id: str, function: Callable[..., T], *args: Any, **kwargs: Any
) -> AsyncResult[T]: ...


def submit(
    pool: Executor | Pool,
    reporter: ProgressReporter,
    job_id: str,
    function: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Future[Any] | AsyncResult[Any]:
    """Have a pool call ``function(*args, **kwargs)``, as a job of one stage that begins now and ends with the call.

    What it returns is the job's result, what it raises fails the job; so does a cancelled future. Returns what the
    pool does. A task of a ``multiprocessing`` pool that is terminated never ends, and neither does its job.

    Raises:
        TrackerError: If the job cannot be started; then the pool is not asked.
    """
    job = reporter.job(job_id, photo_info={"task": _name(function)}, stages=[STAGE])
    job.start()
    try:
        if isinstance(pool, Pool):
            ended, failed = partial(_ended, job), partial(_failed, job)
            return pool.apply_async(function, args, kwargs, callback=ended, error_callback=failed)
        future = pool.submit(function, *args, **kwargs)
    except BaseException as error:
        _failed(job, error)
        raise
    future.add_done_callback(partial(_settled, job))
    return future


def _settled(job: ReportedJob, future: Future[Any]) -> None:
    if future.cancelled():
        with logged(f"The end of job {job.job_id!r}"):
            job.fail("cancelled")
    elif (error := future.exception()) is not None:
        _failed(job, error)
    else:
        _ended(job, future.result())


def _ended(job: ReportedJob, result: object) -> None:
    with logged(f"The end of job {job.job_id!r}"):
        complete(job, result)


def _failed(job: ReportedJob, error: BaseException) -> None:
    with logged(f"The end of job {job.job_id!r}"):
        job.fail(error)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__qualname__
