"""Report the progress of jobs: the Python API.

::

    from tracker.progress_reporter import init_progress_reporter, ProcessingStage

    reporter = init_progress_reporter()
    reporter.start_job("job_12345", 456, {"file_name": "IMG_001.CR3"})
    reporter.update_progress("job_12345", ProcessingStage.EXIF_ANALYSIS, 25.0, "Analyzing camera settings...")
    reporter.complete_job("job_12345", success=True)

Importing this module loads no database and no web server; :func:`init_progress_reporter` does.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from msgspec import UNSET

from tracker.errors import NotInitialized, TrackerError
from tracker.events import (
    AnyFact,
    ErrorReported,
    Event,
    JobCompleted,
    JobFailed,
    JobStarted,
    PhotoId,
    PhotoInfoSent,
    ProcessingStage,
    ProgressUpdated,
    StageCompleted,
)
from tracker.known_jobs import KnownJobs
from tracker.receipt import Receipt
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.broadcaster import Broadcasts
    from tracker.embedded import EmbeddedLog
    from tracker.job_context import ReportedJob
    from tracker.remote.reporting import RemoteTracker
    from tracker.runtime import Tracker

__all__ = [
    "ProcessingStage",
    "ProgressReporter",
    "Receipt",
    "get_progress_reporter",
    "init_progress_reporter",
]


@runtime_checkable
class Serves(Protocol):
    """A server of ours: it serves the tracker that it is attached to, and stops when that is closed."""

    def attach(self, tracker: Tracker) -> None:
        """Serve the tracker from a thread of its own; returns when it answers."""
        ...


class ProgressReporter:
    """Reports jobs to a log of its own. Any thread; also as a context manager, which closes it.

    The six calls that report check their arguments and the job's life and raise at once on a caller's mistake, then
    queue the event and return a :class:`Receipt`. They do not wait for the disk: use ``receipt.wait()``, or
    :meth:`flush`, where durability matters. They wait only while the queue is full, and raise ``RecorderFull`` if it
    stays full for ``queue_timeout_seconds``. ``event_id``, where given, makes a call idempotent: repeated with the
    same content it records nothing and returns the first position.
    """

    def __init__(
        self,
        server: Serves | Broadcasts | str | None = None,
        *,
        database_url: str | None = None,
        settings: Settings | None = None,
        token: str | None = None,
    ) -> None:
        """Open the log and, with a server, serve it; or report to a server elsewhere.

        Args:
            server: The URL of a server, ``http://host:5100``: the log is there, events are spooled on this machine
                until it has them, and that it is away is no error. Or ``get_websocket_server()``; or any object with
                ``broadcast(message, channel=None)``, which is called for each committed event, in order, on a thread
                of its own; or None: the server of ``TRACKER_URL`` if that is set and no log is named.
            database_url: The log, ``sqlite:///FILE`` or ``postgresql://…``; by default that of the settings.
            settings: By default those of the environment and the configuration file.
            token: What the server elsewhere asks for; by default ``TRACKER_TOKEN``.

        Raises:
            StoreOwned: If another process writes this log.
            StoreError: If the log cannot be opened.
            ServerError: If the server cannot listen.
        """
        chosen = settings or Settings.load({"database_url": database_url})
        self._log: EmbeddedLog | RemoteTracker
        if isinstance(server, str):
            self._log, self._known = _remote(server, chosen, token)
        elif server is None and database_url is None and chosen.url:
            # A log that is named goes before a server that the environment names for all programs.
            self._log, self._known = _remote(chosen.url, chosen, token)
        else:
            self._log, self._known = _embedded(server, chosen)
        self._record = self._log.record

    @property
    def tracker(self) -> Tracker:
        """The tracker of a log of this process's own; ``AttributeError`` where the log is a server's."""
        tracker: Tracker = self._log.tracker  # type: ignore[union-attr]  # the remote one has none, and says so
        return tracker

    def start_job(
        self,
        job_id: str,
        photo_id: PhotoId = None,
        photo_info: dict[str, Any] | None = None,
        *,
        stages: list[str] | tuple[str, ...] | None = None,
        event_id: str | None = None,
    ) -> Receipt:
        """Begin a job. Again with the same content is a no-op.

        Args:
            job_id: 1 to 200 printable characters, never used again.
            photo_id: An integer, a string, or None.
            photo_info: JSON values.
            stages: The job's own stages in their order, instead of the ten of :class:`ProcessingStage`.
            event_id: See the class.

        Raises:
            InvalidEvent: If an argument is not of its kind.
            JobExists: If this reporter started it with other content (otherwise the receipt says so).
        """
        own = UNSET if stages is None else _stage_names(stages)
        fact = JobStarted(photo_id=photo_id, photo_info=_object(photo_info), stages=own)
        event = Event.of(job_id, fact, event_id)
        self._known.demand_new(job_id, event.payload)
        receipt = self._record(event)
        self._known.started(job_id, event.payload, () if own is UNSET else own)
        receipt.add_done_callback(partial(self._forget_refused, job_id, receipt))
        return receipt

    def update_progress(
        self,
        job_id: str,
        stage: ProcessingStage | str,
        progress: float,
        message: str = "",
        details: dict[str, Any] | None = None,
        *,
        event_id: str | None = None,
    ) -> Receipt:
        """Report the stage that a job is in, and its progress in percent, 0 to 100.

        Raises:
            InvalidEvent: If an argument is not of its kind, or the stage not one of the job's.
            JobNotFound: If the job was not started.
            JobFinished: If it has ended.
        """
        if type(progress) is int and 0 <= progress <= 100:
            progress = float(progress)
        name = stage if type(stage) is str else _stage_name(stage)
        fact = ProgressUpdated(stage=name, progress=progress, message=message, details=_object(details))
        return self._report(job_id, fact, name, event_id)

    def complete_stage(
        self,
        job_id: str,
        stage: ProcessingStage | str,
        result: dict[str, Any] | None = None,
        *,
        event_id: str | None = None,
    ) -> Receipt:
        """Report that a stage ended, with its result. Raises as :meth:`update_progress` does."""
        name = _stage_name(stage)
        return self._report(job_id, StageCompleted(stage=name, result=_object(result)), name, event_id)

    def report_error(
        self,
        job_id: str,
        error_type: str,
        error_message: str,
        error_details: dict[str, Any] | None = None,
        stage: ProcessingStage | str | None = None,
        *,
        event_id: str | None = None,
    ) -> Receipt:
        """Report an error. The job goes on: :meth:`complete_job` ends it. Raises as :meth:`update_progress` does."""
        name = None if stage is None else _stage_name(stage)
        fact = ErrorReported(
            error_type=error_type,
            error_message=error_message,
            error_details=_object(error_details),
            stage=name,
        )
        return self._report(job_id, fact, name, event_id)

    def send_photo_info(self, job_id: str, photo_data: dict[str, Any], *, event_id: str | None = None) -> Receipt:
        """Send what was learnt about the job's photo. Raises as :meth:`update_progress` does."""
        return self._report(job_id, PhotoInfoSent(photo_data=_object(photo_data)), None, event_id)

    def complete_job(
        self,
        job_id: str,
        success: bool = True,
        result: dict[str, Any] | None = None,
        duration: float | None = None,
        *,
        event_id: str | None = None,
    ) -> Receipt:
        """End a job for good. Of two ends the first holds; the second is refused on its receipt and logged.

        Args:
            job_id: The job.
            success: Whether it ended well.
            result: JSON values; of a failed job by custom ``{"error": …}``.
            duration: Seconds; by default the time since its start.
            event_id: See the class.

        Raises:
            InvalidEvent: If an argument is not of its kind.
            JobNotFound: If the job was not started.
        """
        ended: type[JobCompleted | JobFailed] = JobCompleted if success else JobFailed
        taken = UNSET if duration is None else duration
        fact = ended(success=success, result=_object(result), duration=taken)
        event = Event.of(job_id, fact, event_id)
        self._known.demand(job_id, ends=True)
        receipt = self._record(event)
        self._known.finished(job_id)
        return receipt

    def job(
        self,
        job_id: str,
        photo_id: PhotoId = None,
        photo_info: dict[str, Any] | None = None,
        *,
        stages: list[str] | tuple[str, ...] | None = None,
    ) -> ReportedJob:
        """A job as a ``with`` or ``async with`` block, which starts and ends it; see :class:`ReportedJob`."""
        from tracker.job_context import ReportedJob

        return ReportedJob(self, job_id, photo_id, photo_info, stages)

    def get_job_status(self, job_id: str) -> dict[str, Any] | None:
        """A job's status, after all earlier calls of this reporter; None if there is no such job.

        Waits for the calls before it to be durable. The fields are those of ``docs/protocol.md``.
        """
        return self._log.status(job_id)

    def get_active_jobs(self) -> dict[str, dict[str, Any]]:
        """The status of every unfinished job by its id, in the order they started; waits as above."""
        return self._log.active()

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every call made before is durable or refused; :class:`TimeoutError` after ``timeout`` seconds."""
        self._log.flush(timeout)

    def close(self) -> None:
        """Write what was accepted, stop the server, give up the log. Again is harmless; done at exit by itself."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _forget_refused(self, job_id: str, receipt: Receipt) -> None:
        try:
            receipt.result()
        except TrackerError:
            self._known.forget(job_id)

    def _report(self, job_id: str, fact: AnyFact, stage: str | None, event_id: str | None) -> Receipt:
        event = Event.of(job_id, fact, event_id)
        if event_id is None:
            # With an id it may be the repetition of the very call that ended the job: the log knows.
            self._known.demand(job_id, stage)
        return self._record(event)


_reporter: ProgressReporter | None = None


def init_progress_reporter(
    server: Serves | Broadcasts | str | None = None,
    *,
    database_url: str | None = None,
    settings: Settings | None = None,
    token: str | None = None,
) -> ProgressReporter:
    """Make the process's reporter, closing the one made before. Arguments and errors as :class:`ProgressReporter`."""
    global _reporter
    if _reporter is not None:
        _reporter.close()
    _reporter = None
    _reporter = ProgressReporter(server, database_url=database_url, settings=settings, token=token)
    return _reporter


def get_progress_reporter() -> ProgressReporter:
    """The process's reporter.

    Raises:
        NotInitialized: If :func:`init_progress_reporter` was not called.
    """
    if _reporter is None:
        raise NotInitialized("Call init_progress_reporter() once before get_progress_reporter().")
    return _reporter


def _remote(url: str, settings: Settings, token: str | None) -> tuple[RemoteTracker, KnownJobs]:
    from tracker.remote.reporting import RemoteTracker

    return RemoteTracker(settings, url, token or settings.token), KnownJobs(None)


def _embedded(server: Serves | Broadcasts | None, settings: Settings) -> tuple[EmbeddedLog, KnownJobs]:
    from tracker.embedded import EmbeddedLog
    from tracker.runtime import Tracker

    tracker = Tracker(settings)
    try:
        _attach(server, tracker)
    except BaseException:
        tracker.close()
        raise
    return EmbeddedLog(tracker), KnownJobs(lambda job_id: tracker.recorder.ask(lambda log: log.load_job(job_id)))


def _attach(server: Serves | Broadcasts | None, tracker: Tracker) -> None:
    from tracker.broadcaster import Broadcaster, Broadcasts

    if server is None:
        return
    if isinstance(server, Serves):
        server.attach(tracker)
    elif isinstance(server, Broadcasts):
        head = tracker.recorder.ask(lambda log: log.head()).position
        broadcaster = Broadcaster(server, tracker.recorder, head)
        tracker.on_commit(lambda recorded: broadcaster.advance(recorded[-1].position))
        tracker.before_close(broadcaster.finish)
    else:
        raise TypeError(f"{type(server).__name__} has no broadcast(message, channel=None) method.")


def _object(value: dict[str, Any] | None) -> dict[str, Any]:
    return {} if value is None else value


def _stage_names(stages: Any) -> tuple[str, ...]:
    # Anything but a list or tuple goes on as it is, for the event's check to refuse: a string is no list of letters.
    return tuple(map(_stage_name, stages)) if isinstance(stages, (list, tuple)) else stages


def _stage_name(stage: ProcessingStage | str) -> str:
    return stage.value if isinstance(stage, Enum) else stage
