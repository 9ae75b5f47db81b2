"""Which part of the log a replay plays, and how it is read."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON, SECOND
from tracker.errors import InvalidQuery, JobNotFound, StoreUnavailable
from tracker.events import RecordedEvent
from tracker.filters import EventFilter
from tracker.projection import Job
from tracker.replay import Moment, Place
from tracker.replay_log import PAGE_EVENTS, Extent, Pages, find_extent, place_before
from tracker.replay_request import ReplayRequest
from tracker.store.base import LogHead, Reader

NOW = NOON + 10**6 * SECOND


def event(position: int, job_id: str, seconds: float, sequence: int, payload: str = "{}") -> RecordedEvent:
    return RecordedEvent(position, job_id, sequence, "job_progress", NOON + round(seconds * SECOND), None, payload)


class Log:
    """A reader of events in memory. ``gate``, where there is one, is waited for by each reading."""

    def __init__(self, *events: RecordedEvent, horizon: int = 0) -> None:
        self.events = list(events)
        self.horizon = horizon
        self.read_after: list[tuple[int, int]] = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None

    @property
    def reader(self) -> Reader:
        return cast("Reader", self)

    async def head(self) -> LogHead:
        return LogHead(self.events[-1].position if self.events else 0, self.horizon, "e")

    async def load_job(self, job_id: str) -> Job:
        of_job = [event for event in self.events if event.job_id == job_id]
        if not of_job:
            raise JobNotFound(job_id)
        return cast("Job", of_job[-1])  # of which only the position is asked

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        return await self._page(after, limit, None)

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        return await self._page(after, limit, job_id)

    async def _page(self, after: int, limit: int, job_id: str | None) -> list[RecordedEvent]:
        self.read_after.append((after, limit))
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        found = [event for event in self.events if event.position > after and job_id in (None, event.job_id)]
        return found[:limit]


def two_jobs() -> Log:
    """``a`` at 0, 2, 4, 6, 8 seconds (positions 1, 3, 5, 7, 9), ``b`` at 1, 3, 5, 7 (2, 4, 6, 8)."""
    return Log(*[event(place + 1, "ab"[place % 2], place, place // 2 + 1) for place in range(9)])


async def extent(log: Log, **request: Any) -> Extent:
    return await find_extent(log.reader, ReplayRequest(**request), NOW)


def moment(seconds: float) -> Moment:
    return Moment(NOON + round(seconds * SECOND))


async def played(log: Log, **request: Any) -> list[int]:
    """The positions of what would be sent."""
    pages = Pages(log.reader, await extent(log, **request))
    found = []
    while (event := await pages.next()) is not None:
        assert pages.take() is event
        found.append(event.position)
    return found


class TestExtent:
    @pytest.mark.parametrize(
        ("request_", "positions"),
        [
            ({"job_id": "b"}, [2, 4, 6, 8]),
            ({"job_id": "b", "after": 2}, [4, 6, 8]),
            ({"job_id": "b", "since": 4, "until": 7}, [4, 6]),
            ({"job_id": "b", "since": moment(3), "until": moment(5)}, [4, 6]),
            ({"job_id": "b", "since": moment(3.000001), "until": moment(4.999999)}, []),
            ({"job_id": "a", "after": 8}, [9]),
            ({"job_id": "a", "after": 9}, []),
            ({"since": 0}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            ({"after": 7}, [8, 9]),
            ({"since": 7, "after": 7}, [8, 9]),
            ({"until": 2}, [1, 2]),
            ({"until": 0}, []),
            ({"since": moment(-99), "until": moment(99)}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            ({"since": moment(6)}, [7, 8, 9]),
            ({"until": moment(-1)}, []),
            ({"since": moment(20)}, []),
            ({"after": 8, "until": 3}, []),
        ],
    )
    async def test_both_ends_are_in_it_and_what_is_before_after_is_not(
        self, request_: dict[str, Any], positions: list[int]
    ) -> None:
        assert await played(two_jobs(), **request_) == positions
        found = await extent(two_jobs(), **request_)
        ends = (found.first.position, found.last.position) if found.first and found.last else None
        assert ends == ((positions[0], positions[-1]) if positions else None)
        assert found.count(is_whole=True) == len(positions)

    async def test_its_length_is_that_of_the_log(self) -> None:
        assert (await extent(two_jobs(), job_id="b")).seconds == 6
        assert (await extent(two_jobs(), until=0)).seconds == 0
        set_back = Log(event(1, "a", 100, 1), event(2, "a", 40, 2))
        assert (await extent(set_back, job_id="a")).seconds == 0

    async def test_how_many_is_not_said_where_only_counting_would_tell(self) -> None:
        log = two_jobs()
        del log.events[3]
        log.horizon = 4
        assert (await extent(log, since=2)).count(is_whole=True) is None
        assert (await extent(log, since=5)).count(is_whole=True) == 5
        assert (await extent(log, since=5)).count(is_whole=False) is None, "others' jobs lie between"
        assert (await extent(log, job_id="a")).count(is_whole=False) == 5

    async def test_what_is_recorded_later_is_not_in_it(self) -> None:
        log = two_jobs()
        pages = Pages(log.reader, await extent(log, job_id="a"))
        log.events.append(event(10, "a", 9, 6))
        while await pages.next() is not None:
            assert pages.take().position < 10

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            ({"after": 10}, "after"),
            ({"since": 10}, "since"),
            ({"job_id": "a", "until": 10}, "until"),
            ({"since": Moment(NOW + 1)}, "since"),
        ],
    )
    async def test_a_place_beyond_the_head_or_the_present_is_refused(
        self, request_: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidQuery) as refused:
            await extent(two_jobs(), **request_)
        assert refused.value.field == field

    async def test_the_end_of_a_window_may_be_in_the_future(self) -> None:
        assert await played(two_jobs(), since=8, until=Moment(NOW + SECOND)) == [8, 9]

    async def test_a_job_that_is_not_there_is_said_so(self) -> None:
        with pytest.raises(JobNotFound):
            await extent(two_jobs(), job_id="c")

    async def test_an_empty_log_has_nothing_to_replay(self) -> None:
        assert (await extent(Log(), since=0)).first is None

    async def test_a_place_in_a_long_log_is_found_in_few_steps(self) -> None:
        log = Log(*[event(position, "a", position, position) for position in range(1, 100_001)])
        found = await extent(log, since=moment(70_000.5), until=moment(90_000.5))
        assert (found.first and found.first.position, found.last and found.last.position) == (70_001, 90_000)
        assert len(log.read_after) < 50


@given(
    gaps=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=25),
    since=st.integers(-2, 60),
    length=st.integers(0, 60),
    by_time=st.booleans(),
)
def test_the_part_found_is_the_part_that_a_look_at_each_event_would_find(
    gaps: list[tuple[int, int]], since: int, length: int, by_time: bool
) -> None:
    position = seconds = 0
    events: list[RecordedEvent] = []
    for gap, later in gaps:  # positions have gaps where something was pruned
        position, seconds = position + gap, seconds + later
        events.append(event(position, "a", seconds, len(events) + 1))
    log = Log(*events, horizon=position)
    first: Place = moment(since) if by_time else min(max(0, since), position)
    last: Place = moment(since + length) if by_time else min(max(0, since + length), position)
    expected = [one.position for one in events if _is_between(first, one, last)]
    assert asyncio.run(played(log, since=first, until=last)) == expected


def _is_between(first: Place, event: RecordedEvent, last: Place) -> bool:
    if isinstance(first, Moment) and isinstance(last, Moment):
        return first.at <= event.recorded_at <= last.at
    assert isinstance(first, int)
    assert isinstance(last, int)
    return first <= event.position <= last


class TestPlaceBefore:
    @pytest.mark.parametrize(
        ("to", "following"), [(2, 2), (3, 4), (8, 8), (moment(1), 2), (moment(2), 4), (moment(2.5), 4), (moment(7), 8)]
    )
    async def test_the_event_at_or_after_it_is_the_next(self, to: Place, following: int) -> None:
        log = two_jobs()
        found = await extent(log, job_id="b")
        pages = Pages(log.reader, found)
        pages.restart(await place_before(log.reader, found, to))
        event = await pages.next()
        assert event is not None
        assert event.position == following

    @pytest.mark.parametrize("to", [0, 1, 9, 10**9, moment(0.9), moment(7.1)])
    async def test_beyond_the_ends_it_is_refused(self, to: Place) -> None:
        log = two_jobs()
        with pytest.raises(InvalidQuery, match="to: is outside the replay, which has the positions 2 to 8"):
            await place_before(log.reader, await extent(log, job_id="b"), to)

    async def test_in_an_empty_replay_there_is_nowhere_to_go(self) -> None:
        with pytest.raises(InvalidQuery, match="this replay has no events"):
            await place_before(two_jobs().reader, await extent(two_jobs(), until=0), 1)


class TestPages:
    async def test_the_next_page_is_read_while_one_is_played_and_no_more(self) -> None:
        log = Log(*[event(position, "a", position, position) for position in range(1, 5 * PAGE_EVENTS + 1)])
        found = await extent(log, since=0)
        log.read_after.clear()
        pages = Pages(log.reader, found)
        await pages.next()
        await asyncio.sleep(0.01)
        assert log.read_after == [(0, PAGE_EVENTS), (PAGE_EVENTS, PAGE_EVENTS)]

    async def test_pages_of_large_events_are_short(self) -> None:
        large = '{"a":"' + "x" * 60_000 + '"}'
        log = Log(*[event(position, "a", position, position, large) for position in range(1, 301)])
        pages = Pages(log.reader, await extent(log, since=0))
        log.read_after.clear()
        while await pages.next() is not None:
            pages.take()
        assert log.read_after[0] == (0, PAGE_EVENTS)
        assert {limit for _, limit in log.read_after[1:]} == {2}

    async def test_going_elsewhere_while_a_page_is_read_forgets_that_page(self) -> None:
        log = two_jobs()
        pages = Pages(log.reader, await extent(log, since=0))
        log.gate = asyncio.Event()
        waiting = asyncio.create_task(pages.next())
        await asyncio.sleep(0)
        pages.restart(6)
        log.gate.set()
        event = await waiting
        assert event is not None
        assert event.position == 7

    async def test_a_log_that_cannot_be_read_is_said_so(self) -> None:
        log = two_jobs()
        pages = Pages(log.reader, await extent(log, since=0))
        log.error = StoreUnavailable("busy")
        with pytest.raises(StoreUnavailable):
            await pages.next()

    async def test_what_was_pruned_meanwhile_ends_it_early(self) -> None:
        log = two_jobs()
        pages = Pages(log.reader, await extent(log, since=0))
        del log.events[4:]
        found = []
        while await pages.next() is not None:
            found.append(pages.take().position)
        assert found == [1, 2, 3, 4]
