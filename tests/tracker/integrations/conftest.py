from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from tracker.progress_reporter import ProgressReporter

Seen: TypeAlias = Callable[[str], list[Any]]


@pytest.fixture
def seen(reporter: ProgressReporter) -> Seen:
    """The facts of a type in the log, in their order."""

    def seen(event_type: str) -> list[Any]:
        rows = reporter.tracker.recorder.ask(lambda log: log.read(0, 100_000))
        return [row.fact for row in rows if row.type == event_type]

    return seen
