"""Log records as events: those with a ``job_id`` reach the job.

::

    logging.getLogger().addHandler(JobHandler(reporter))
    log.error("No EXIF data", extra={"job_id": "job_1"})
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tracker.error_texts import clean_text, error_type, trace_tail
from tracker.job_context import logged

if TYPE_CHECKING:
    from tracker.progress_reporter import ProgressReporter

_OWN = "tracker"


class JobHandler(logging.Handler):
    """Reports the records that have a ``job_id``, from ``extra={…}`` or a ``LoggerAdapter``.

    Those of level ERROR and above become errors of the job, in the ``stage`` of the record if it has one; those below
    with a ``stage`` and a ``progress`` in percent become progress. All others are left to other handlers.
    """

    def __init__(self, reporter: ProgressReporter, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._reporter = reporter

    def createLock(self) -> None:  # noqa: N802  # logging's name
        """No lock: the reporter needs none, and its own threads log while a call waits for them."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Report a record; what the tracker refuses is logged, by a logger that this handler does not listen to."""
        job_id = getattr(record, "job_id", None)
        if job_id is None or record.name.partition(".")[0] == _OWN:
            return
        try:
            with logged(f"A log record of job {job_id!r}"):
                self._report(str(job_id), record)
        except Exception:  # noqa: BLE001  # such as a message whose arguments do not fit it: logging's custom
            self.handleError(record)

    def _report(self, job_id: str, record: logging.LogRecord) -> None:
        stage, progress = getattr(record, "stage", None), getattr(record, "progress", None)
        text = clean_text(record.getMessage())
        if record.levelno >= logging.ERROR:
            self._reporter.report_error(job_id, _kind(record), text, _details(record), stage)
        elif stage is not None and progress is not None:
            self._reporter.update_progress(job_id, stage, progress, text)


def _kind(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return error_type(error) if error is not None else record.levelname


def _details(record: logging.LogRecord) -> dict[str, Any]:
    error = record.exc_info[1] if record.exc_info else None
    where = {"logger": clean_text(record.name, 200), "level": record.levelname}
    return where if error is None else {**where, "traceback": trace_tail(error)}
