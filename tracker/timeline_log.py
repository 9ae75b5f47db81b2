"""Timelines from a log.

Of a long job most events say how far the same stage is, and a timeline keeps a hundred points of each. So within a
stage only every so many of them are fetched, and whatever is something else; the log is asked to leave out the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from tracker.events import ProgressUpdated
from tracker.projection import Job
from tracker.store.base import Reader
from tracker.timeline import Step, Timeline
from tracker.timeline_builder import TimelineBuilder

PAGE = 1000
_FINENESS = 2000  # of a job with more events than this, some that repeat a stage are left out
_RUN_IN = 20  # events that are read one and all where no stage is open
_STRIDES = 250


async def read_timeline(reader: Reader, job_id: str) -> Timeline:
    """The timeline of a job as far as it has come.

    Raises:
        JobNotFound, JobPruned: If it is not, or no longer, in the log.
    """
    job = await reader.load_job(job_id)
    walk = Walk(reader, job)
    await walk.finish()
    return walk.builder.timeline(job)


class _Stage(Struct, gc=False):
    stage: str


_read_stage = msgspec.json.Decoder(_Stage).decode


class Walk:
    """On the way through a job's events, up to its own last one: what comes later is not in.

    ``tell`` gets the events that are read as well: those that were left out repeat the progress before them.
    """

    def __init__(self, reader: Reader, job: Job, tell: Callable[[Sequence[Step]], None] | None = None) -> None:
        self.builder = TimelineBuilder()
        self._tell = tell
        self._reader = reader
        self._job = job
        self._every = max(1, job.sequence // _FINENESS)
        self._after = 0

    async def finish(self) -> None:
        """Read the rest. Where stages change all the time, nothing is gained by leaving events out."""
        is_restless = False
        while self._after < self._job.sequence:
            await self._read_all(PAGE if is_restless or self._every == 1 else _RUN_IN)
            while self._every > 1 and self._after < self._job.sequence and (like := self.builder.last_progress):
                before = self._after
                await self._stride(like)
                is_restless = self._after - before < _RUN_IN
                if is_restless:
                    break

    async def _read_all(self, limit: int) -> None:
        steps = await self._fetch(self._after, limit)
        if not steps:
            await self._reader.load_job(self._job.job_id)  # it was pruned meanwhile, and this says so
            self._after = self._job.sequence
        self._add(steps)

    async def _stride(self, like: str) -> None:
        """Go on within the stage of a progress event, until something else comes."""
        steps = await self._fetch(self._after, _STRIDES, like, self._every)
        stage = _read_stage(like).stage
        turn = next((index for index, step in enumerate(steps) if not _is_within(stage, step)), None)
        if turn is not None:
            self._add(steps[:turn])
            await self._read_up_to(steps[turn][1] - 1)
            self._add(list(_unbroken(steps[turn:])))
        else:
            self._add(steps)
            if len(steps) < _STRIDES:
                await self._read_up_to(self._job.sequence)

    async def _read_up_to(self, sequence: int) -> None:
        """The event of this sequence, if it was left out: all before it may be, as they repeat the stage."""
        if self._after < sequence:
            self._add(await self._fetch(sequence - 1, 1))

    async def _fetch(self, after: int, limit: int, like: str | None = None, every: int = 1) -> Sequence[Step]:
        return await self._reader.job_steps(self._job.job_id, after, self._job.sequence, limit, like, every)

    def _add(self, steps: Sequence[Step]) -> None:
        self.builder.add(steps)
        if self._tell is not None:
            self._tell(steps)
        if steps:
            self._after = steps[-1][1]


def _is_within(stage: str, step: Step) -> bool:
    return step[2] == ProgressUpdated.type and _read_stage(step[4]).stage == stage


def _unbroken(steps: Sequence[Step]) -> Iterator[Step]:
    """The first steps up to where some were left out."""
    for index, step in enumerate(steps):
        if step[1] != steps[0][1] + index:
            return
        yield step
