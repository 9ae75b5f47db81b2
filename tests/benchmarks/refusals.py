"""B1: whether a flood of calls that are refused starves those that are not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.figure import Figure
from tests.benchmarks.recording import reporter_on, update
from tracker.errors import InvalidEvent
from tracker.events import Event, ProgressUpdated
from tracker.progress_reporter import ProgressReporter

_FLOODERS = 3
_SECONDS = 4.0


def beside_good_calls(folder: Path) -> float:
    """Durable events/s of one caller, beside three threads whose calls are all accepted."""
    return _beside(folder, lambda reporter: lambda: update(reporter, "flood"))


def beside_events_that_are_recorded(folder: Path) -> float:
    """The same beside three threads that record one event again and again, past the reporter."""
    event = Event.of("flood", ProgressUpdated(stage="importing", progress=5.0))
    return _beside(folder, lambda reporter: lambda: reporter.tracker.recorder.record(event))


def beside_calls_refused_by_the_log(folder: Path) -> float:
    """The same beside three threads that report on a job that has ended, past what the reporter itself knows."""
    event = Event.of("ended", ProgressUpdated(stage="importing", progress=5.0))
    return _beside(folder, lambda reporter: lambda: reporter.tracker.recorder.record(event))


def beside_calls_refused_at_once(folder: Path) -> float:
    """The same beside three threads whose arguments are wrong."""

    def wrong(reporter: ProgressReporter) -> None:
        with suppress(InvalidEvent):
            reporter.update_progress("flood", "importing", 101)

    return _beside(folder, lambda reporter: lambda: wrong(reporter))


def _beside(folder: Path, flood: Callable[[ProgressReporter], Callable[[], object]]) -> float:
    over = threading.Event()
    # What a refusal logs is a part of its cost, but not for the reader of the figures.
    logging.getLogger("tracker").addHandler(logging.NullHandler())
    logging.getLogger("tracker").propagate = False
    with reporter_on(folder) as reporter:
        for job in ("good", "flood", "ended"):
            reporter.start_job(job)
        reporter.complete_job("ended").wait()
        call = flood(reporter)

        def go_on() -> None:
            while not over.is_set():
                call()

        flooders = [threading.Thread(target=go_on) for _ in range(_FLOODERS)]
        for flooder in flooders:
            flooder.start()
        rate = _rate(reporter)
        over.set()
        for flooder in flooders:
            flooder.join()
    return rate


def _rate(reporter: ProgressReporter) -> float:
    begun, receipts = time.perf_counter(), []
    while time.perf_counter() - begun < _SECONDS:
        receipts.append(update(reporter, "good"))
    return sum(receipt.done for receipt in receipts) / (time.perf_counter() - begun)


FIGURES = [
    Figure(
        name="B1",
        what=f"durable events/s of one caller, beside {_FLOODERS} threads whose events the log refuses",
        yardstick="the same beside threads whose events it takes",
        unit="events/s",
        ours=beside_calls_refused_by_the_log,
        theirs=beside_events_that_are_recorded,
        reach=1,
    ),
    Figure(
        name="B1b",
        what=f"the same beside {_FLOODERS} threads whose calls are refused at once",
        yardstick="the same beside threads whose calls are accepted",
        unit="events/s",
        ours=beside_calls_refused_at_once,
        theirs=beside_good_calls,
        reach=1,
    ),
]
