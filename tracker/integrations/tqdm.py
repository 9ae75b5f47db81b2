"""A ``tqdm`` that also reports: ``for photo in tqdm(photos, stage=stage): …``."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from tqdm import std

from tracker.error_texts import clean_text
from tracker.integrations.pace import Pace

if TYPE_CHECKING:
    from tracker.job_context import ReportedStage


class tqdm(std.tqdm):  # type: ignore[type-arg]  # noqa: N801  # the name it stands in for
    """The bar, and its progress as that of ``stage``; without ``stage``, the bar alone.

    Other arguments are those of tqdm. A bar that is disabled is not drawn, and reports all the same. One without a
    total reports its count as the message.
    """

    def __init__(self, *args: Any, stage: ReportedStage | None = None, **kwargs: Any) -> None:
        self._pace = None if stage is None else Pace(stage)
        self._is_silent = self._pace is not None and _is_off(kwargs)
        if self._is_silent:
            # A bar that is off does not count.
            kwargs |= {"disable": False, "file": io.StringIO()}
        super().__init__(*args, **kwargs)

    def display(self, *args: Any, **kwargs: Any) -> Any:
        """Draw and report; tqdm calls it as often as its ``mininterval`` says."""
        self._offer()
        return None if self._is_silent else super().display(*args, **kwargs)

    def close(self) -> None:
        """End the bar; its last count is reported."""
        is_open = not getattr(self, "disable", True)
        super().close()
        if self._pace is not None and is_open:
            self._offer()
            self._pace.finish()

    def _offer(self) -> None:
        if self._pace is None:
            return
        percent = 100 * self.n / self.total if self.total else None
        count = f"{self.n}/{self.total}" if self.total else f"{self.n}"
        message = clean_text(f"{self.desc.removesuffix(': ')} {count} {self.unit}".strip(), 200)
        self._pace.offer(percent, message, {"done": self.n, "total": self.total})


def _is_off(kwargs: dict[str, Any]) -> bool:
    disable = kwargs.get("disable", False)
    if disable is not None:
        return bool(disable)
    file = kwargs.get("file") or sys.stderr
    return not file.isatty()  # what None means to tqdm: off unless somebody looks at it
