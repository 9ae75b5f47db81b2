"""A replay at the terminal: a bar for what has been played and one for each job, or plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from api.cli import wording
from api.cli.event_lines import EventLines
from api.cli.terminal import plain

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

_MOST_BARS = 12
_ENDS = ("job_completed", "job_failed")
_REMARKS = {
    "end": "The replay has finished",
    "stopped": "The replay was stopped",
    "pruned": "The replay ends early, as the rest was removed by retention meanwhile",
    "failed": "The replay has failed",
}


class ReplayView:
    """Shows the messages of one replay. Use it as a context manager around them.

    On a terminal the bars move, and a line stays of each job that ended and each error; elsewhere every event is a
    line of ``output``, and what is said of the replay itself goes to ``errors``.
    """

    def __init__(self, output: Console, errors: Console) -> None:
        self._output = output
        self._errors = errors
        self._lines = EventLines()
        self._bars = _Bars(output) if output.is_terminal else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.progress.stop()

    def show(self, message: dict[str, Any]) -> None:
        """Show the next message of the replay."""
        match message:
            case {"type": "replay_started"}:
                self._tell(_introduction(message))
                if self._bars is not None:
                    self._bars.begin(message)
            case {"type": "replay_finished", "reason": reason, "sent": sent}:
                self._tell(f"{_REMARKS.get(reason, reason)}: {wording.count(sent, 'event')}.")
            case {"type": "error", "error": text}:
                self._tell(plain(text))
            case {"replay": True}:
                self._event(message)

    def _event(self, message: dict[str, Any]) -> None:
        if self._bars is not None:
            self._bars.move(message)
        if self._bars is None or message["type"] in (*_ENDS, "error_occurred"):
            self._output.print(self._lines.line(message), soft_wrap=True)

    def _tell(self, text: str) -> None:
        # Beside the bars only their own console knows where the next line is.
        console = self._errors if self._bars is None else self._output
        console.print(Text(text, style="dim"), soft_wrap=True)


class _Bars:
    """The bars on the screen: of the jobs that were heard of last, a dozen at most."""

    def __init__(self, console: Console) -> None:
        self.progress = _progress(console)
        self._whole: TaskID | None = None
        self._since = ""
        self._jobs: dict[str, TaskID] = {}  # the one that was heard of last is the last

    def begin(self, started: dict[str, Any]) -> None:
        self._since = started["since"] or ""
        # A replay of no length has a bar that is full from the beginning.
        self._whole = self.progress.add_task("", total=started["duration"] or 1.0, stage="", message="")

    def move(self, event: dict[str, Any]) -> None:
        if self._whole is not None:
            at = event["timestamp"]
            played = (wording.local(at) - wording.local(self._since)).total_seconds()
            self.progress.update(self._whole, completed=played, description=wording.clock(at))
        job_id = event["job_id"]
        if event["type"] in _ENDS:
            self._remove(job_id)
            return
        task = self._jobs.pop(job_id, None)
        self._jobs[job_id] = self._add(job_id) if task is None else task
        if event["type"] == "job_progress":
            said = plain(event["message"], 200)
            self.progress.update(self._jobs[job_id], completed=event["progress"], stage=event["stage"], message=said)

    def _add(self, job_id: str) -> TaskID:
        if len(self._jobs) >= _MOST_BARS:
            self._remove(next(iter(self._jobs)))
        return self.progress.add_task(plain(job_id), total=100, stage="", message="")

    def _remove(self, job_id: str) -> None:
        task = self._jobs.pop(job_id, None)
        if task is not None:
            self.progress.remove_task(task)


def _introduction(started: dict[str, Any]) -> str:
    what = f"job {plain(started['job_id'])}" if "job_id" in started else "the log"
    if started["first"] is None:
        return f"There is nothing to replay of {what}."
    events = "" if started["events"] is None else f"{wording.count(started['events'], 'event')}, "
    begun, took = wording.date_and_time(started["since"]), wording.duration(started["duration"])
    return f"Replaying {what}: {events}{took} from {begun}, at speed {started['speed']:g}."


def _progress(console: Console) -> Progress:
    def text(template: str, width: int, style: str = "none") -> TextColumn:
        column = Column(no_wrap=True, min_width=width, max_width=width, overflow="ellipsis")
        return TextColumn(template, style=style, markup=False, table_column=column)

    return Progress(
        text("{task.description}", 20),
        BarColumn(bar_width=12),
        text("{task.percentage:>3.0f} %", 5),
        text("{task.fields[stage]}", 17),
        text("{task.fields[message]}", 20, "dim"),
        console=console,
        transient=True,
    )
