"""A timeline from a job's events, a page at a time: pure, no clock, no I/O."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec
from msgspec import Struct

from tracker.events import ErrorReported, JobCompleted, JobFailed, ProgressUpdated, StageCompleted
from tracker.projection import Job
from tracker.timeline import (
    MAX_POINTS,
    MAX_TIMELINE_ERRORS,
    MAX_TIMELINE_STAGES,
    Gap,
    Point,
    StageSpan,
    Step,
    Timeline,
    TimelineError,
)

LEAST_GAP = 1000  # microseconds: what is shorter is nobody's waiting


class _Progress(Struct, gc=False):
    stage: str
    progress: float


class _Stage(Struct, gc=False):
    stage: str


_read_progress = msgspec.json.Decoder(_Progress).decode
_read_stage = msgspec.json.Decoder(_Stage).decode
_read_error = msgspec.json.Decoder(ErrorReported).decode


class _OpenStage:
    """A stage while its events come."""

    __slots__ = ("completion", "first", "last", "occurrence", "points", "seen", "stage", "started_at", "stride")

    def __init__(self, stage: str, occurrence: int, started_at: int, first: Step) -> None:
        self.stage = stage
        self.occurrence = occurrence
        self.started_at = started_at
        self.first = first
        self.last: tuple[Step, float] | None = None  # the last progress, as it came
        self.completion: Step | None = None
        self.points: list[Point] = []
        self.seen = 0
        self.stride = 1

    def advance(self, step: Step, progress: float) -> None:
        """Progress in this stage."""
        if self.seen % self.stride == 0:
            self._keep(Point(step[3], step[0], progress))
        self.seen += 1
        self.last = step, progress

    def _keep(self, point: Point) -> None:
        self.points.append(point)
        if len(self.points) == MAX_POINTS:
            del self.points[1::2]
            self.stride *= 2

    def closed(self, ended_at: int | None) -> StageSpan:
        """The stage as it is now."""
        last = self.completion or (self.last[0] if self.last else self.first)
        return StageSpan(
            stage=self.stage,
            occurrence=self.occurrence,
            started_at=self.started_at,
            ended_at=ended_at,
            completed_at=None if self.completion is None else self.completion[3],
            first_position=self.first[0],
            last_position=last[0],
            events=last[1] - self.first[1] + 1,
            curve=self._curve(),
            last_progress=None if self.last is None else self.last[0][4],
            completion=None if self.completion is None else self.completion[4],
        )

    def _curve(self) -> tuple[Point, ...]:
        if self.last is None or self.points[-1].position == self.last[0][0]:
            return tuple(self.points)
        (position, _, _, at, _), progress = self.last
        return (*self.points, Point(at, position, progress))


class TimelineBuilder:
    """Takes a job's events, in order and each once, and has its timeline at any time."""

    def __init__(self) -> None:
        self._open: _OpenStage | None = None
        self._closed: deque[StageSpan] = deque(maxlen=MAX_TIMELINE_STAGES)
        self._occurrences: Counter[str] = Counter()
        self._errors: deque[TimelineError] = deque(maxlen=MAX_TIMELINE_ERRORS)
        self._error_count = 0
        self._updated_at = 0

    @property
    def last_progress(self) -> str | None:
        """The payload of the last progress in the stage that is open."""
        return None if self._open is None or self._open.last is None else self._open.last[0][4]

    def add(self, steps: Iterable[Step]) -> None:
        """Take the next events: all of them, or all but some that repeat the open stage between two that do."""
        progressed = ProgressUpdated.type
        stage = self._open
        for step in steps:
            if step[2] == progressed:
                told = _read_progress(step[4])
                if stage is None or stage.stage != told.stage:
                    stage = self._turn(told.stage, step[3], step)
                stage.advance(step, told.progress)
            else:
                self._add_other(step)
                stage = self._open
            self._updated_at = step[3]

    def timeline(self, job: Job) -> Timeline:
        """The timeline of the job whose events up to its own position were added."""
        spans = (*self._closed, *([] if self._open is None else [self._open.closed(None)]))[-MAX_TIMELINE_STAGES:]
        count = sum(self._occurrences.values())
        start = job.started_at if count == len(spans) else None
        return Timeline(
            job_id=job.job_id,
            status=job.status,
            started_at=job.started_at,
            ended_at=job.completed_at,
            first_position=job.started_position,
            last_position=job.position,
            events=job.sequence,
            stages=spans,
            stage_count=count,
            gaps=tuple(_gaps(spans, start, job.completed_at)),
            errors=tuple(self._errors),
            error_count=self._error_count,
        )

    def _turn(self, stage: str, at: int, step: Step) -> _OpenStage:
        """Leave the stage that is open, if one is, for another that begins at a time."""
        self._leave(at)
        self._occurrences[stage] += 1
        self._open = _OpenStage(stage, self._occurrences[stage], at, step)
        return self._open

    def _leave(self, at: int) -> None:
        if self._open is not None:
            self._closed.append(self._open.closed(at))
            self._open = None

    def _add_other(self, step: Step) -> None:
        position, _, kind, at, payload = step
        if kind == StageCompleted.type:
            self._complete(_read_stage(payload).stage, step)
        elif kind == ErrorReported.type:
            error = _read_error(payload)
            self._errors.append(TimelineError(error.error_type, error.error_message, error.stage, at, position))
            self._error_count += 1
        elif kind in (JobCompleted.type, JobFailed.type):
            self._leave(at)

    def _complete(self, stage: str, step: Step) -> None:
        completed = self._open
        if completed is None or completed.stage != stage:
            # One that was not told of before began when the job said its last word, whatever that was about.
            completed = self._turn(stage, self._updated_at, step)
        completed.completion = step
        self._leave(step[3])


def _gaps(spans: tuple[StageSpan, ...], start: int | None, end: int | None) -> Iterator[Gap]:
    """``start``: of the job, None where the first stages are not kept. ``end``: None while the job runs."""
    if not spans:
        return
    if start is not None:
        yield from _gap(None, spans[0].stage, start, spans[0].started_at)
    for one, other in pairwise(spans):
        if one.ended_at is not None:
            yield from _gap(one.stage, other.stage, one.ended_at, other.started_at)
    last = spans[-1]
    if last.ended_at is not None:
        yield from _gap(last.stage, None, last.ended_at, end)


def _gap(after: str | None, before: str | None, start: int, end: int | None) -> Iterator[Gap]:
    if end is None or end - start >= LEAST_GAP:
        yield Gap(after, before, start, end)
