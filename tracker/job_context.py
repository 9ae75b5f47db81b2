"""A job and its stages as ``with`` blocks: they end by themselves, and what goes wrong in them is reported.

::

    with reporter.job("job_1", 456, {"file_name": "IMG_001.CR3"}) as job:
        with job.stage("exif_analysis") as stage:
            stage.progress(40, "Reading", {"iso": 800})
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from tracker.error_texts import clean_text, error_message, error_type, trace_tail
from tracker.errors import InvalidEvent, TrackerError
from tracker.events import PhotoId, ProcessingStage
from tracker.receipt import Receipt

if TYPE_CHECKING:
    from tracker.progress_reporter import ProgressReporter

_log = logging.getLogger("tracker")
Details: TypeAlias = dict[str, Any] | None


class ReportedJob:
    """A job from its start to its end. Any thread; made by ``reporter.job(…)``.

    As a context manager, ``with`` or ``async with``, it starts at the beginning of the block and is completed at its
    end. An exception that leaves the block, Ctrl-C and a cancelled task among them, is reported with its class, its
    message and the tail of its traceback, fails the job, and goes on up. The calls raise as the reporter's own do;
    where an exception is on its way already, what goes wrong in reporting it is logged instead.

    ``result`` is what the job ends with; set it, or pass it to :meth:`complete`. ``receipt`` is that of the last
    call: behind the block ``job.receipt.wait()``, or ``await job.receipt``, waits until the end is durable.
    """

    def __init__(
        self,
        reporter: ProgressReporter,
        job_id: str,
        photo_id: PhotoId = None,
        photo_info: Details = None,
        stages: list[str] | tuple[str, ...] | None = None,
    ) -> None:
        """Nothing is reported yet. Arguments as ``start_job``."""
        self.job_id = job_id
        self.result: dict[str, Any] = {}
        self.receipt: Receipt | None = None
        self.reporter = reporter
        self._started_with = (photo_id, photo_info, stages)
        self._is_ended = False
        self._reported: BaseException | None = None

    def start(self) -> Receipt:
        """Begin the job: what the block does at its beginning."""
        photo_id, photo_info, stages = self._started_with
        return self._keep(self.reporter.start_job(self.job_id, photo_id, photo_info, stages=stages))

    def stage(self, name: ProcessingStage | str) -> ReportedStage:
        """One of the job's stages, for a ``with`` block of its own."""
        return ReportedStage(self, name)

    def photo_info(self, data: dict[str, Any]) -> Receipt:
        """Send what was learnt about the job's photo."""
        return self._keep(self.reporter.send_photo_info(self.job_id, data))

    def error(
        self,
        error_type: str,
        error_message: str,
        details: Details = None,
        stage: ProcessingStage | str | None = None,
    ) -> Receipt:
        """Report an error. The job goes on."""
        return self._keep(self.reporter.report_error(self.job_id, error_type, error_message, details, stage))

    def exception(self, error: BaseException, stage: ProcessingStage | str | None = None) -> Receipt | None:
        """Report an exception, once, however many blocks it leaves. The job goes on."""
        if error is self._reported:
            return None
        receipt = self.error(error_type(error), error_message(error), {"traceback": trace_tail(error)}, stage)
        self._reported = error
        return receipt

    def complete(self, result: Details = None) -> Receipt:
        """End the job well, before its block does."""
        return self._end(success=True, result=self.result if result is None else result)

    def fail(self, error: BaseException | str) -> Receipt:
        """Report an exception, or none where ``error`` is a text, and end the job in failure."""
        if isinstance(error, str):
            return self._end(success=False, result={**self.result, "error": clean_text(error)})
        self.exception(error)
        # Without the job's result: it is not finished, and may be the very thing that is wrong.
        return self._end(success=False, result={"error": error_message(error)})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._fail_beside(error)
        elif not self._is_ended:
            self._complete()
        self._reported = None  # it holds the frames of the block

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The calls only queue: there is nothing to await, and a server that is away holds nobody up.
        self.__exit__(kind, error, trace)

    def _complete(self) -> None:
        try:
            self.complete()
        except InvalidEvent as refused:
            self._fail_beside(refused)  # a result that is no JSON must not leave a job that never ends
            raise

    def _fail_beside(self, error: BaseException) -> None:
        if self._is_ended:
            return
        with logged(f"The end of job {self.job_id!r}"):
            self.fail(error)

    def _end(self, *, success: bool, result: dict[str, Any]) -> Receipt:
        receipt = self._keep(self.reporter.complete_job(self.job_id, success, result))
        self._is_ended = True
        return receipt

    def _keep(self, receipt: Receipt) -> Receipt:
        self.receipt = receipt
        return receipt


class ReportedStage:
    """A stage of a job; as a context manager it is completed at the end of its block.

    An exception that leaves the block is reported as an error in this stage, which is not completed, and goes on up.
    ``result`` is what the stage ends with; set it, or pass it to :meth:`complete`. ``percent`` is the latest progress.
    """

    def __init__(self, job: ReportedJob, name: ProcessingStage | str) -> None:
        self.job = job
        self.name = name
        self.percent = 0.0
        self.result: dict[str, Any] = {}
        self.receipt: Receipt | None = None
        self._is_ended = False

    def progress(self, percent: float, message: str = "", details: Details = None) -> Receipt:
        """Report progress in percent, 0 to 100."""
        receipt = self.job.reporter.update_progress(self.job.job_id, self.name, percent, message, details)
        self.percent = float(percent)
        return self._keep(receipt)

    def error(self, error_type: str, error_message: str, details: Details = None) -> Receipt:
        """Report an error in this stage. Stage and job go on."""
        return self._keep(self.job.error(error_type, error_message, details, self.name))

    def complete(self, result: Details = None) -> Receipt:
        """End the stage, before its block does."""
        given = self.result if result is None else result
        receipt = self._keep(self.job.reporter.complete_stage(self.job.job_id, self.name, given))
        self._is_ended = True
        return receipt

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            if not self._is_ended:
                self.complete()
            return
        with logged(f"An error of job {self.job.job_id!r}"):
            self.job.exception(error, self.name)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _keep(self, receipt: Receipt) -> Receipt:
        self.receipt = self.job.receipt = receipt
        return receipt


@contextmanager
def logged(what: str) -> Iterator[None]:
    """What the tracker refuses in the block is one line of the log, and not raised."""
    try:
        yield
    except TrackerError as error:
        _log.warning("%s was not reported: %s", what, error)
