"""A ``rich.progress`` display that also reports: ``progress.add_task("Exporting", total=24, stage=stage)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import Progress, TaskID

from tracker.error_texts import clean_text
from tracker.integrations.pace import Pace

if TYPE_CHECKING:
    from tracker.job_context import ReportedStage


class JobProgress(Progress):
    """``rich.progress.Progress``, whose tasks may be stages of jobs. Also with ``disable=True``, undrawn.

    A task without a total reports its count as the message.
    """

    def __init__(self, *columns: Any, **options: Any) -> None:
        self._paces: dict[TaskID, Pace] = {}
        super().__init__(*columns, **options)

    def add_task(self, description: str, *args: Any, stage: ReportedStage | None = None, **options: Any) -> TaskID:
        """See ``rich``. ``stage``: whose progress the task's is."""
        task_id = super().add_task(description, *args, **options)
        if stage is not None:
            self._paces[task_id] = Pace(stage)
        return task_id

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """See ``rich``."""
        super().update(task_id, **changes)
        self._offer(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """See ``rich``."""
        super().advance(task_id, advance)
        self._offer(task_id)

    def remove_task(self, task_id: TaskID) -> None:
        """See ``rich``; its last count is reported."""
        super().remove_task(task_id)
        if pace := self._paces.pop(task_id, None):
            pace.finish()

    def stop(self) -> None:
        """End the display; the tasks' last counts are reported."""
        super().stop()
        for pace in list(self._paces.values()):
            pace.finish()

    def _offer(self, task_id: TaskID) -> None:
        if (pace := self._paces.get(task_id)) is None:
            return
        task = self._tasks[task_id]
        count = f"{task.completed:g}" if task.total is None else f"{task.completed:g}/{task.total:g}"
        percent = None if not task.total else task.percentage
        message = clean_text(f"{task.description} {count}", 200)
        pace.offer(percent, message, {"done": task.completed, "total": task.total})
