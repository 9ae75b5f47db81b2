"""A run at the terminal: live bars, or plain lines where there is no terminal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from api.demo.summary import outcome, print_summary, shown_text

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from api.demo.report import DemoReport, PhotoResult

_MESSAGE: Final = 34  # characters
_OVERALL: Final = "All photos"


class DemoView:
    """An observer of a run. Use it as a context manager around the run; ``summary`` comes after it.

    On a terminal it shows a bar for the whole run and one for each running job; elsewhere, a line for each
    job that ended. Its methods may be called from any thread.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._finished = 0
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._progress = _bars(console)
        self._live = console.is_terminal
        self._overall = self._progress.add_task(_OVERALL, total=100 * total, stage=f"0 of {total}", message="")

    def __enter__(self) -> Self:
        if self._live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._progress.stop()

    def on_progress(self, job_id: str, name: str, stage: str, percent: float, message: str) -> None:
        """Move the job's bar to ``percent``; at its first call, show it. Plain output shows only ends."""
        with self._lock:
            if job_id not in self._tasks:
                self._tasks[job_id] = self._add(name, stage)
            said = shown_text(self._console, message, _MESSAGE)
            self._progress.update(self._tasks[job_id], completed=percent, stage=stage, message=said)
            self._update_overall()

    def on_finished(self, result: PhotoResult) -> None:
        """Take the job's bar away, or print its line."""
        with self._lock:
            self._finished += 1
            if (task := self._tasks.pop(result.job_id, None)) is not None:
                self._progress.remove_task(task)
            self._update_overall()
            if not self._live:
                self._print_line(result)

    def summary(self, report: DemoReport) -> None:
        """Print a table of the results, and what they come to."""
        print_summary(self._console, report)

    def _add(self, name: str, stage: str) -> TaskID:
        return self._progress.add_task(shown_text(self._console, name), total=100, stage=stage, message="")

    def _update_overall(self) -> None:
        running = sum(task.completed for task in self._progress.tasks if task.id != self._overall)
        done = f"{self._finished} of {self._total}"
        self._progress.update(self._overall, completed=100 * self._finished + running, stage=done)

    def _print_line(self, result: PhotoResult) -> None:
        place = f"{self._finished:>{len(str(self._total))}}/{self._total}"
        name = shown_text(self._console, result.name)
        what = f"{result.context} -> {result.preset}" if result.ok else f"{result.error_type}: {result.error}"
        line = f"{place}  {outcome(result)[0]:<6}  {name}  {what} ({result.seconds:.2f} s)"
        self._console.print(shown_text(self._console, line, 400), markup=False, highlight=False, soft_wrap=True)


def _bars(console: Console) -> Progress:
    def text(template: str, width: int, style: str = "none") -> TextColumn:
        column = Column(no_wrap=True, min_width=width, max_width=width, overflow="crop")
        return TextColumn(template, style=style, markup=False, table_column=column)

    return Progress(
        text("{task.description}", 18),
        BarColumn(bar_width=16),
        text("{task.percentage:>3.0f} %", 5),
        text("{task.fields[stage]}", 17),
        text("{task.fields[message]}", _MESSAGE, "dim"),
        console=console,
        transient=True,
    )
