"""Two runs held against each other: pure, no clock, no I/O.

What is compared is what was said: ids and times of any kind are left out (``photo_id``, ``occurred_at``, ``duration``,
and ``stages_completed``, which the log adds).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from tracker.events import ErrorReported, ProgressUpdated
from tracker.json_differences import Difference, differences
from tracker.projection import Job
from tracker.timeline import StageSpan, Step, Timeline, TimelineError, seconds

MAX_DIFFERENCES = 100
_LEFT_OUT = ("photo_id", "occurred_at", "duration", "stages_completed")

StageKey: TypeAlias = tuple[str, int]
Turn: TypeAlias = tuple[str, str | None, str | None]


class StageRow(Struct, frozen=True):
    """A stage in both runs: seconds it took in each, None where it is not."""

    stage: str
    occurrence: int
    a: float | None
    b: float | None


class Divergence(Struct, frozen=True):
    """Where two runs part: the event of each, None where a run has ended, and what differs in them."""

    a: Step | None
    b: Step | None
    differs: tuple[Difference, ...]


class _Place(Struct, gc=False):
    stage: str | None = None
    error_type: str | None = None


_decode = msgspec.json.Decoder(dict[str, Any]).decode
_read_place = msgspec.json.Decoder(_Place).decode


def stage_rows(a: dict[StageKey, float], b: dict[StageKey, float]) -> list[StageRow]:
    """The stages of both, aligned by name and occurrence, in the order of ``a``; one of ``b`` alone where it stood."""
    order = list(a)
    place = 0
    for key in b:
        if key in a:
            place = order.index(key) + 1
        else:
            order.insert(place, key)
            place += 1
    return [StageRow(*key, a.get(key), b.get(key)) for key in order]


def stage_seconds(timeline: Timeline, now: int) -> dict[StageKey, float]:
    """What each stage took; one that runs, up to ``now`` (microseconds UTC)."""
    return {
        (stage.stage, stage.occurrence): seconds(stage.started_at, stage.ended_at, now) for stage in timeline.stages
    }


def first_difference(a: Sequence[Step], b: Sequence[Step]) -> Divergence | None:
    """Where the n-th events of two runs first differ in type or content; both from the same sequence on."""
    for one, other in zip_longest(a, b):
        if one is None or other is None:
            return Divergence(one, other, ())
        if one[2] == other[2] and one[4] == other[4]:
            continue
        found = tuple(islice(differences("", *map(_content, (one, other))), MAX_DIFFERENCES))
        if found:
            return Divergence(one, other, found)
    return None


class Course:
    """The turns of a run: a progress report in a stage, however often, then an error, the stage's end and so on."""

    def __init__(self) -> None:
        self.turns: list[tuple[Turn, Step]] = []

    def add(self, steps: Sequence[Step]) -> None:
        """Take the next events, in order; progress that repeats a stage may be left out."""
        for step in steps:
            told = _read_place(step[4])
            turn = (step[2], told.stage, told.error_type if step[2] == ErrorReported.type else None)
            if step[2] != ProgressUpdated.type or not self.turns or self.turns[-1][0] != turn:
                self.turns.append((turn, step))


def first_turn(a: Course, b: Course) -> Divergence | None:
    """Where two runs first do something else: another type of event, stage or error, or one of them ends."""
    for one, other in zip_longest(a.turns, b.turns):
        if one is None or other is None:
            return Divergence(one[1] if one else None, other[1] if other else None, ())
        if one[0] != other[0]:
            said = [dict(zip(("type", "stage", "error_type"), turn[0], strict=True)) for turn in (one, other)]
            return Divergence(one[1], other[1], tuple(differences("", *said)))
    return None


def content_differences(a: tuple[Job, Timeline], b: tuple[Job, Timeline]) -> Iterator[Difference]:
    """What the runs said of the photo, in each stage that both have (the last details, the result), and at the end."""
    (one, one_timeline), (other, other_timeline) = a, b
    yield from differences("photo_info", one.photo_info, other.photo_info)
    spans = {(span.stage, span.occurrence): span for span in other_timeline.stages}
    for span in one_timeline.stages:
        same = spans.get((span.stage, span.occurrence))
        if same is not None:
            yield from _stage_differences(span, same)
    yield from differences("result", one.result or {}, other.result or {})


def error_differences(a: Timeline, b: Timeline) -> tuple[list[TimelineError], list[TimelineError], int]:
    """The errors that only one of them has, by type, stage and message, and how many both have."""
    both = Counter(map(_error_key, a.errors)) & Counter(map(_error_key, b.errors))
    return _without(a.errors, both), _without(b.errors, both), both.total()


def step_content(step: Step) -> dict[str, Any]:
    """The event as it is stored."""
    return _decode(step[4])


def _content(step: Step) -> dict[str, Any]:
    said = step_content(step)
    return {"type": step[2], **{name: value for name, value in said.items() if name not in _LEFT_OUT}}


def _stage_differences(one: StageSpan, other: StageSpan) -> Iterator[Difference]:
    name = one.stage if one.occurrence == 1 else f"{one.stage}#{one.occurrence}"
    for field, texts in (
        ("details", (one.last_progress, other.last_progress)),
        ("result", (one.completion, other.completion)),
    ):
        left, right = ({} if text is None else _decode(text).get(field, {}) for text in texts)
        yield from differences(f"stages.{name}.{field}", left, right)


def _error_key(error: TimelineError) -> tuple[str, str | None, str]:
    return error.error_type, error.stage, error.error_message


def _without(errors: Sequence[TimelineError], both: Counter[tuple[str, str | None, str]]) -> list[TimelineError]:
    left = both.copy()
    alone = []
    for error in errors:
        if left[_error_key(error)] > 0:
            left[_error_key(error)] -= 1
        else:
            alone.append(error)
    return alone
