"""A run: every photo's job, a few at a time."""

from __future__ import annotations

import re
import secrets
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from api.demo.export import export_names, prepare_output
from api.demo.job import PhotoJob, Telling
from api.demo.pillow import careful_pillow
from api.demo.pipeline import develop
from api.demo.report import DemoReport, Observer, PhotoResult, Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    _Future = Future[None]

# Seconds between looks whether to stop: on some systems a wait without end cannot be interrupted.
_WAKE_SECONDS: Final = 0.2


def run_demo(
    reporter: Reporter,
    photos: Sequence[Path],
    output: Path,
    *,
    workers: int = 2,
    observer: Observer | None = None,
    stop: threading.Event | None = None,
) -> DemoReport:
    """Develop ``photos`` into JPEG files in ``output``, at most ``workers`` at a time.

    Results are at most 2048 pixels on the longer side, and replace those of an earlier run. Ctrl-C, or
    setting ``stop`` from any thread, ends the run: running jobs fail as ``interrupted``, the others never
    start, and the report says so. One run at a time: it limits Pillow for the whole process.

    Raises:
        DemoError: If ``output`` cannot be made, or holds one of the photos.
    """
    prepare_output(output, photos)
    started = time.monotonic()
    jobs = _jobs(photos, output)
    run = _Run(reporter, observer, stop or threading.Event())
    with careful_pillow(), ThreadPoolExecutor(workers, "demo") as pool:
        interrupted = not run.all(pool, jobs)
    results = tuple(run.results[job.job_id] for job in jobs if job.job_id in run.results)
    return DemoReport(
        results=results,
        output=output,
        seconds=round(time.monotonic() - started, 3),
        not_started=len(jobs) - len(results),
        interrupted=interrupted,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    reporter: Reporter
    observer: Observer | None
    stopped: threading.Event
    ended: SimpleQueue[None] = field(default_factory=SimpleQueue)
    results: dict[str, PhotoResult] = field(default_factory=dict)

    def all(self, pool: Executor, jobs: Sequence[PhotoJob]) -> bool:
        """Run all, until done or stopped; says whether all are done."""
        futures: list[_Future] = []
        finished = False
        try:
            futures.extend(pool.submit(self.one, job) for job in jobs)
            finished = self._wait(futures)
        except KeyboardInterrupt:
            finished = False
        finally:
            if not finished:
                self._end(futures)
        return finished

    def _end(self, futures: Sequence[_Future]) -> None:
        # What runs ends at its next step; what has not begun never does.
        self.stopped.set()
        for future in futures:
            future.cancel()

    def one(self, job: PhotoJob) -> None:
        """Run one, unless stopped before."""
        try:
            if self.stopped.is_set():
                return
            result = develop(Telling(job, self.reporter, self.observer, self.stopped))
            # Here and not from the future: Ctrl-C may come between a job's beginning and our hold of its future.
            self.results[job.job_id] = result
            if self.observer:
                self.observer.on_finished(result)
        finally:
            self.ended.put(None)

    def _wait(self, futures: Sequence[_Future]) -> bool:
        # Not concurrent.futures.wait(): Ctrl-C inside it can leave locks of the futures held, for good. A
        # SimpleQueue is made to be interrupted.
        left = len(futures)
        while left and not self.stopped.is_set():
            with suppress(Empty):
                self.ended.get(timeout=_WAKE_SECONDS)
                left -= 1
        if self.stopped.is_set():
            return False
        for future in futures:
            future.result()
        return True


def _jobs(photos: Sequence[Path], output: Path) -> list[PhotoJob]:
    # The random part keeps two runs apart that begin in the same second.
    run = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return [
        PhotoJob(
            job_id=f"{run}-{number:03}-{_plain(photo.stem)}",
            photo_id=number,
            photo=photo,
            target=output / name,
        )
        for number, (photo, name) in enumerate(zip(photos, export_names(photos), strict=True), start=1)
    ]


def _plain(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem)[:60]
