"""The timeline of a long job, and a comparison of two: what one waits for who asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from tests.benchmarks.figure import Figure
from tracker.comparison_log import compare
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_reader
from tracker.store.base import Reader
from tracker.timeline_answer import timeline_answer
from tracker.timeline_log import read_timeline
from tracker.times import now

_EVENTS = 50_000
_STAGES = tuple(f"stage_{number}" for number in range(10))
_MESSAGE = "Analyzing camera settings..."
_DETAILS = {"camera": "Canon EOS R5", "iso": 800}
_JOBS = ("job", "same")


def _write(folder: Path, jobs: tuple[str, ...]) -> str:
    """A log of jobs of 50,000 events each, ten stages one after another, an error in each."""
    url = f"sqlite:///{(folder / 'log.db').as_posix()}"
    share = _EVENTS // len(_STAGES)
    with ProgressReporter(settings=Settings(database_url=url)) as reporter:
        for job in jobs:
            reporter.start_job(job, 1, stages=_STAGES)
            for stage in _STAGES:
                for index in range(share - 2):
                    reporter.update_progress(job, stage, index * 100 / share, _MESSAGE, _DETAILS)
                reporter.report_error(job, "timeout", "no answer", stage=stage)
                reporter.complete_stage(job, stage, {"frames": share})
            reporter.complete_job(job)
        reporter.flush()
    return url


def _milliseconds(url: str, ask: Callable[[Reader], Awaitable[object]]) -> float:
    """The first answer of a reader opened for it: what is warm is the file system's memory, nothing of ours."""

    async def timed() -> float:
        reader = open_reader(url)
        await reader.head()
        begun = time.perf_counter()
        msgspec.json.encode(await ask(reader))
        took = time.perf_counter() - begun
        await reader.close()
        return took * 1000

    return asyncio.run(timed())


def milliseconds_a_timeline(folder: Path) -> float:
    """From the question to the encoded answer."""

    async def ask(reader: Reader) -> object:
        body = timeline_answer(await read_timeline(reader, "job"), now())
        # What is measured must be the answer: all of the job, and the last stage of it.
        if (body["events"], body["stage_count"], body["error_count"]) != (_EVENTS + 2, 10, 10):
            raise AssertionError(body["events"])
        return body

    return _milliseconds(_write(folder, _JOBS[:1]), ask)


def milliseconds_a_comparison(folder: Path) -> float:
    """Two jobs that say the same, which is the longest: every event of both is read."""

    async def ask(reader: Reader) -> object:
        body = await compare(reader, *_JOBS, now())
        if not body["same"]:
            raise AssertionError(body["divergence"])
        return body

    return _milliseconds(_write(folder, _JOBS), ask)


FIGURES = [
    Figure(
        name="T1",
        what=f"timeline of a job with {_EVENTS:,} events in ten stages, first answer of a reader",
        yardstick="",
        unit="ms",
        ours=milliseconds_a_timeline,
        theirs=None,
        reach=100,
        bound="at most",
    ),
    Figure(
        name="T2",
        what=f"diff of two jobs of {_EVENTS:,} events that say the same",
        yardstick="",
        unit="ms",
        ours=milliseconds_a_comparison,
        theirs=None,
        reach=1000,
        bound="at most",
    ),
]
