"""Celery tasks as jobs: ``connect()`` beside the app, and every task that its workers run is one.

A task's id is the job's. It has one stage, ``running``, or those of ``@app.task(stages=["scan", "print"])``.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from celery import signals
from celery._state import get_current_task

from tracker.errors import NotInitialized
from tracker.integrations.results import complete
from tracker.job_context import Details, ReportedJob, logged
from tracker.progress_reporter import get_progress_reporter, init_progress_reporter

if TYPE_CHECKING:
    from celery import Task

    from tracker.progress_reporter import ProgressReporter

STAGE = "running"
_server: tuple[str | None, str | None] = None, None
_making = threading.Lock()
_running: dict[str, ReportedJob] = {}


def connect(url: str | None = None, *, token: str | None = None) -> None:
    """Report the tasks that this process and its children run, from now on. Again replaces ``url`` and ``token``.

    Each worker process makes its reporter when it runs its first task, unless ``init_progress_reporter()`` was called
    before. What the tracker refuses is logged, and the task goes on.

    Args:
        url: The server; by default that of ``TRACKER_URL``. Several processes cannot share a log of their own.
        token: What it asks for; by default ``TRACKER_TOKEN``.
    """
    global _server
    _server = url, token
    signals.task_prerun.connect(_started)
    signals.task_postrun.connect(_ended)
    signals.task_failure.connect(_failed)
    signals.task_revoked.connect(_revoked)
    signals.worker_process_shutdown.connect(_leave)


def current_job() -> ReportedJob:
    """The running task's job, whose stages are ``with`` blocks; its calls raise as a reporter's do.

    Raises:
        NotInitialized: Outside of a task that a worker runs.
        TrackerError: If there is no reporter and none can be made.
    """
    task: Task[Any, Any] | None = get_current_task()
    if task is None or not task.request.id:
        raise NotInitialized("There is no current job outside of a task that a worker runs.")
    return _job(task, task.request.id)


def progress(percent: float, message: str = "", details: Details = None, stage: str | None = None) -> None:
    """Report the progress of the running task, as ``self.update_state`` does; by default in its first stage."""
    with logged("Progress of a task"):
        job = current_job()
        job.stage(stage or _stages(get_current_task())[0]).progress(percent, message, details)


def _started(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    # A retry and a second delivery start with the same content: they go on with the job that is there.
    with logged(f"The start of task {task_id}"):
        job = _job(task, task_id)
        _running[task_id] = job
        job.start()


def _ended(task_id: str, task: Task[Any, Any], state: str | None, retval: object, **_: Any) -> None:
    try:
        if state == "SUCCESS":  # failed: told already; retried or requeued: not the end
            with logged(f"The end of task {task_id}"):
                complete(_job(task, task_id), retval)
    finally:
        _running.pop(task_id, None)


def _failed(sender: Task[Any, Any], task_id: str, exception: BaseException, **_: Any) -> None:
    with logged(f"The failure of task {task_id}"):
        job = _job(sender, task_id)
        if task_id not in _running:
            # Of a worker that was killed, its parent tells, and cannot know whether it came to report the start.
            job.start()
        job.fail(exception)


def _revoked(sender: Task[Any, Any], request: Any, **_: Any) -> None:
    with logged(f"The end of task {request.id}"):
        job = _job(sender, request.id)
        job.start()  # one that is revoked before its turn has not begun
        job.fail("revoked")


def _leave(**_: Any) -> None:
    # Worker processes end without the interpreter's own goodbye.
    with suppress(NotInitialized):
        get_progress_reporter().close()


def _job(task: Task[Any, Any], task_id: str) -> ReportedJob:
    if job := _running.get(task_id):
        return job
    return _reporter().job(task_id, photo_info={"task": task.name}, stages=_stages(task))


def _stages(task: Task[Any, Any] | None) -> tuple[str, ...]:
    return tuple(getattr(task, "stages", None) or (STAGE,))


def _reporter() -> ProgressReporter:
    with _making:  # a pool of threads may ask at once, and making a second one closes the first
        try:
            return get_progress_reporter()
        except NotInitialized:
            url, token = _server
            return init_progress_reporter(url, token=token)
