"""The job of a command. Reporting is a guest here: its trouble is told in one line, and never the command's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tracker.errors import TrackerError

if TYPE_CHECKING:
    from tracker.job_context import ReportedJob
    from tracker.progress_reporter import ProgressReporter
    from tracker.receipt import Receipt

_SECONDS_BETWEEN = 0.1


class CommandJob:
    """Reports from a thread of its own, so that a log that is slow does not slow the command."""

    def __init__(self, open_reporter: Callable[[], ProgressReporter], tell: Callable[[str], None]) -> None:
        """``tell`` is given the line, once."""
        self._open = open_reporter
        self._tell = tell
        self._reporter: ProgressReporter | None = None
        self._job: ReportedJob | None = None
        self._receipt: Receipt | None = None
        self._stage = ""
        self._latest: tuple[float, str] | None = None
        self._came = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._report_all, daemon=True)

    def start(self, job_id: str, stage: str, info: dict[str, Any]) -> None:
        """Begin the job."""
        self._stage = stage
        self._try(lambda: self._begin(job_id, info))
        self._thread.start()

    def progress(self, percent: float, line: str) -> None:
        """Report it soon, unless another one follows at once. Returns at once. Any thread."""
        self._latest = percent, line
        self._came.set()

    def end(self, result: dict[str, Any]) -> None:
        """End the job, in failure if ``result`` has an ``error``, and wait for the log to take it."""
        self._stop.set()
        self._came.set()
        self._thread.join()
        self._try(lambda: self._finish(result))
        if self._reporter is not None:
            self._try(self._reporter.close)

    def _begin(self, job_id: str, info: dict[str, Any]) -> None:
        self._reporter = self._open()
        self._job = self._reporter.job(job_id, photo_info=info, stages=[self._stage])
        self._receipt = self._job.start()

    def _report_all(self) -> None:
        reported: float | None = None
        while not self._stop.is_set() or self._latest is not None:
            self._came.wait()
            self._came.clear()
            latest, self._latest = self._latest, None
            if latest is not None and latest[0] != reported:
                reported = latest[0]
                self._try(partial(self._report, *latest))
                self._stop.wait(_SECONDS_BETWEEN)

    def _report(self, percent: float, line: str) -> None:
        if self._job is not None and not self._was_refused():
            self._receipt = self._job.stage(self._stage).progress(percent, line)

    def _finish(self, result: dict[str, Any]) -> None:
        if self._job is None or self._was_refused():
            return
        if "error" in result:
            self._job.result = result
            self._job.fail(result["error"])
        else:
            self._job.stage(self._stage).complete()
            self._job.complete(result)

    def _was_refused(self) -> bool:
        """Whether the log has refused what came before; it was logged then, and more would be refused as well."""
        if self._receipt is None or not self._receipt.done:
            return False
        with suppress(TrackerError):
            self._receipt.result()
            return False
        self._job = None
        return True

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # whatever it is, the command goes on
            tell, self._tell = self._tell, _say_nothing
            tell(str(error) or type(error).__name__)


def _say_nothing(_: str) -> None:
    pass
