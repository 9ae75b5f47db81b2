"""A timeline that was read with most of a long job left out is the one of all its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import completed, error, photo_info, progressed, stage_completed, started
from tests.contract.log import Log
from tracker import timeline_log
from tracker.errors import JobNotFound, JobPruned
from tracker.events import Event
from tracker.store.base import Reader
from tracker.store.sqlite import SqliteStore
from tracker.timeline import Timeline
from tracker.timeline_builder import TimelineBuilder
from tracker.timeline_log import read_timeline

_STAGES = ('a"stage":"b', "b", "ü", "\\", "importing")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(lambda: SqliteStore(tmp_path / "log.db"))
    yield log
    log.close()


@pytest.fixture
async def reader(log: Log) -> AsyncIterator[Reader]:
    reader = log.reader()
    yield reader
    await reader.close()


class Counting:
    """A reader that counts the events it gave."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.given = self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def job_steps(self, *args: Any) -> Any:
        steps = await self._reader.job_steps(*args)
        self.asked += 1
        self.given += len(steps)
        return steps


async def whole(reader: Reader) -> Timeline:
    builder, job = TimelineBuilder(), await reader.load_job("job")
    builder.add(await reader.job_steps("job", 0, job.sequence, job.sequence))
    return builder.timeline(job)


def without_curves(timeline: Timeline) -> Timeline:
    return replace(timeline, stages=tuple(replace(stage, curve=()) for stage in timeline.stages))


async def agree(reader: Reader) -> None:
    read, expected = await read_timeline(reader, "job"), await whole(reader)
    assert without_curves(read) == without_curves(expected)
    for one, other in zip(read.stages, expected.stages, strict=True):
        assert (one.curve[:1], one.curve[-1:]) == (other.curve[:1], other.curve[-1:])


def run_of(random: Random, length: int) -> list[Event]:
    """Progress in one stage, some of it made to look like another, and now and then something else."""
    stage = random.choice(_STAGES)
    traps: list[dict[str, Any]] = [
        {},
        {"occurred_at": f"2025-11-09T12:00:{random.randrange(60):02}Z"},
        {"photo_id": f'"stage":"{random.choice(_STAGES)}",'},
        {"extra": {"stage": random.choice(_STAGES[:2]), "x": 1}},
        {"details": {"stage": random.choice(_STAGES), "progress": 1}},
        {"message": '"stage":"b",'},
    ]
    events = [progressed(stage=stage, **random.choice(traps)) for _ in range(length)]
    if random.random() < 0.5:
        events.append(stage_completed(stage=random.choice((stage, *_STAGES))))
    if random.random() < 0.3:
        events.insert(random.randrange(len(events)), random.choice((error(), photo_info())))
    return events


@pytest.mark.parametrize("seed", range(12))
async def test_it_is_the_same_as_of_all_events(
    log: Log, reader: Reader, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    monkeypatch.setattr(timeline_log, "_FINENESS", random.choice((10, 50, 200)))
    monkeypatch.setattr(timeline_log, "_STRIDES", random.choice((2, 5, 250)))
    events = [event for _ in range(12) for event in run_of(random, random.choice((1, 2, 3, 40, 150)))]
    log.append(started(stages=_STAGES), *events, *([completed()] if seed % 2 else []))
    await agree(reader)


@pytest.mark.parametrize("own", [{}, {"extra": {"stage": "b", "x": 1}}, {"occurred_at": "2025-11-09T12:00:00Z"}])
@pytest.mark.parametrize(
    "foreign",
    [
        {"extra": {"stage": "b", "x": 1}},
        {"extra": {"y": '"extra":', "stage": "b", "x": 1}},
        {"details": {"stage": "b", "x": 1}},
        {"photo_id": '"stage":"b",'},
        {"message": '"stage":"b",'},
        {"occurred_at": "2025-11-09T12:00:00Z"},
    ],
)
async def test_what_another_stage_carries_is_not_taken_for_its_name(
    log: Log, reader: Reader, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], foreign: dict[str, Any]
) -> None:
    monkeypatch.setattr(
        timeline_log, "_FINENESS", 2
    )  # of a stage's events only the 127th is fetched, which is none of importing
    inside = [progressed(stage="b", **own) for _ in range(150)]
    between = [progressed(stage="importing", **foreign) for _ in range(3)]
    log.append(started(stages=_STAGES), *inside[:100], *between, *inside)
    await agree(reader)
    assert [(one.stage, one.events) for one in (await read_timeline(reader, "job")).stages] == [
        ("b", 100),
        ("importing", 3),
        ("b", 150),
    ]


async def test_of_a_long_job_most_is_left_out(log: Log, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_log, "_FINENESS", 100)
    log.append(started(), *[progressed(stage=stage) for stage in ("importing", "exporting") for _ in range(1000)])
    counting = Counting(reader)
    await read_timeline(counting, "job")
    assert counting.given < 400
    await agree(reader)
    control = Counting(reader)
    monkeypatch.setattr(timeline_log, "_FINENESS", 10_000)
    await read_timeline(control, "job")
    assert control.given == 2001


async def test_stages_that_change_all_the_time_are_read_in_pages(
    log: Log, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_log, "_FINENESS", 100)
    log.append(started(), *[progressed(stage=("importing", "exporting")[index % 2]) for index in range(2000)])
    counting = Counting(reader)
    await read_timeline(counting, "job")
    assert counting.asked < 20
    await agree(reader)


async def test_an_unknown_job_and_a_pruned_one_are_refused(log: Log, reader: Reader) -> None:
    log.append(started(), completed())
    log.prune(2**53)
    with pytest.raises(JobNotFound):
        await read_timeline(reader, "nobody")
    with pytest.raises(JobPruned):
        await read_timeline(reader, "job")


async def test_a_job_that_is_pruned_meanwhile_is_refused(log: Log, reader: Reader) -> None:
    log.append(started(), progressed(), completed())

    class Pruning(Counting):
        async def load_job(self, job_id: str) -> Any:
            job = await self._reader.load_job(job_id)
            log.prune(2**53)
            return job

    with pytest.raises(JobPruned):
        await read_timeline(Pruning(reader), "job")
