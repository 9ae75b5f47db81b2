"""One replay, on the event loop's clock and without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api.replaying import PIECE_BYTES, Replay
from tests.tracker.test_replay_log import Log, event, moment
from tracker.errors import InvalidQuery, StoreUnavailable
from tracker.events import RecordedEvent
from tracker.replay import Place
from tracker.replay_log import find_extent
from tracker.replay_request import Control, Pause, ReplayRequest, Resume, Seek, Speed, Step, Stop
from tracker.times import now

PATIENCE_SECONDS = 20


class Sink:
    """Keeps what it is given, with the loop's time. With ``is_full`` it has no room until that is taken away."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.positions: list[int] = []
        self.times: list[float] = []
        self.sizes: list[int] = []
        self.is_full = False
        self.room = asyncio.Event()
        self.news = asyncio.Event()
        self.is_gone = False

    @property
    def has_room(self) -> bool:
        return not self.is_full

    async def drain(self) -> None:
        await self.room.wait()
        if self.is_gone:
            raise ConnectionError("The client left.")
        self.is_full = False

    def tell(self, message: dict[str, Any]) -> None:
        self.told.append(message)

    def send(self, replay_id: str, events: Sequence[RecordedEvent]) -> None:
        assert self.has_room
        self.sizes.append(sum(len(event.payload) for event in events))
        self.positions += [event.position for event in events]
        self.times += [asyncio.get_running_loop().time()] * len(events)
        self.news.set()

    async def has(self, count: int) -> None:
        """Wait until it was given so many events."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.positions) < count:
                self.news.clear()
                await self.news.wait()

    @property
    def finished(self) -> dict[str, Any]:
        assert self.told[-1]["type"] == "replay_finished"
        return self.told[-1]


class Playing:
    """A replay that runs: of all events of a log."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.sink = Sink()

    async def begin(self, **request: Any) -> None:
        wanted = ReplayRequest(**{"since": 0, **request})
        extent = await find_extent(self.log.reader, wanted, now())
        self.replay = Replay("r1", extent, wanted, self.log.reader, self.sink)
        self.begun = asyncio.get_running_loop().time()
        self.task = asyncio.create_task(self.replay.run())

    async def do(self, control: Control, ref: Any = None) -> dict[str, Any] | None:
        return await self.replay.control(control, ref)

    async def end(self) -> str | None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.task


def every(seconds: float, count: int) -> Log:
    return Log(*[event(position, "a", seconds * (position - 1), position) for position in range(1, count + 1)])


async def playing(log: Log, **request: Any) -> Playing:
    one = Playing(log)
    await one.begin(**request)
    return one


async def test_events_are_sent_when_they_are_due_and_never_before() -> None:
    one = await playing(every(0.05, 6))
    assert await one.end() == "end"
    assert one.sink.positions == [1, 2, 3, 4, 5, 6]
    for index, at in enumerate(one.sink.times):
        # The other side, how late they are, is measured by `make bench`.
        assert at - one.begun >= 0.05 * index - 1e-3
    assert one.sink.told == [{"type": "replay_finished", "replay_id": "r1", "reason": "end", "after": 6, "sent": 6}]


async def test_the_clock_starts_with_the_first_event_not_while_it_is_looked_for() -> None:
    one = Playing(every(0.1, 3))
    await one.begin()
    one.log.gate = asyncio.Event()
    await asyncio.sleep(0.3)  # a log that answers late
    one.log.gate.set()
    await one.end()
    assert one.sink.times[1] - one.sink.times[0] >= 0.1 - 1e-3


async def test_a_replay_of_nothing_has_finished() -> None:
    one = await playing(every(1, 3), until=0)
    assert (await one.end(), one.sink.finished["sent"]) == ("end", 0)


async def test_what_is_due_at_once_goes_out_in_pieces() -> None:
    log = Log(*[event(position, "a", 0, position, "x" * 2000) for position in range(1, 101)])
    one = await playing(log, speed=1000)
    assert await one.end() == "end"
    assert one.sink.positions == list(range(1, 101))
    assert max(one.sink.sizes) <= PIECE_BYTES + 2000
    assert len(one.sink.sizes) >= 200_000 // (PIECE_BYTES + 2000)


async def test_a_pause_holds_it_and_a_step_sends_one_event() -> None:
    one = await playing(every(1000, 5), is_paused=True)
    first = await one.do(Step())
    assert first is not None
    assert (first["state"], first["after"], one.sink.positions) == ("paused", 1, [1])
    await one.do(Step())
    assert one.sink.positions == [1, 2]
    await one.do(Speed(1000))
    await one.do(Resume())
    await one.sink.has(3)
    paused = await one.do(Pause())
    assert paused is not None
    assert (paused["state"], paused["after"]) == ("paused", 3)
    await one.do(Step())
    await one.do(Step())
    assert await one.end() == "end", "a step to the last event ends it"


async def test_a_step_while_it_plays_is_refused() -> None:
    one = await playing(every(1000, 3))
    with pytest.raises(InvalidQuery, match="pause it before a step"):
        await one.do(Step())
    await one.do(Stop())
    await one.end()


async def test_it_goes_on_where_it_is_told_forwards_and_back() -> None:
    one = await playing(every(1000, 9))
    await one.sink.has(1)
    places: list[tuple[Place, int]] = [(8, 7), (2, 1), (2, 1), (moment(3000), 3)]
    for count, (to, after) in enumerate(places, start=2):
        answer = await one.do(Seek(to))
        assert answer is not None
        assert answer["after"] == after
        await one.sink.has(count)
    assert one.sink.positions == [1, 8, 2, 2, 4]
    await one.do(Stop())
    await one.end()


async def test_a_time_between_two_events_is_waited_from() -> None:
    one = await playing(every(1, 3), speed=10, is_paused=True)
    await one.do(Seek(moment(1.5)))
    begun = asyncio.get_running_loop().time()
    await one.do(Resume())
    await one.end()
    assert one.sink.positions == [3]
    assert one.sink.times[0] - begun >= 0.05 - 1e-3


@pytest.mark.parametrize("to", [0, 10, moment(-1), moment(99_000)])
async def test_beyond_its_ends_it_does_not_go_and_nothing_changes(to: Any) -> None:
    one = await playing(every(1000, 9))
    await one.sink.has(1)
    with pytest.raises(InvalidQuery, match="to: is outside the replay"):
        await one.do(Seek(to))
    await one.do(Speed(1000))
    await one.sink.has(2)
    assert one.sink.positions == [1, 2]
    await one.do(Stop())
    await one.end()


async def test_a_stop_ends_it_with_the_ref_of_who_asked() -> None:
    one = await playing(every(1000, 9))
    await one.sink.has(1)
    assert await one.do(Stop(), "s") is None
    assert await one.end() == "stopped"
    assert one.sink.finished == {
        "type": "replay_finished", "replay_id": "r1", "reason": "stopped", "after": 1, "sent": 1, "ref": "s",
    }  # fmt: skip


async def test_without_room_nothing_is_sent_and_the_clock_stands() -> None:
    one = await playing(every(0.1, 4))
    await one.sink.has(1)
    one.sink.is_full = True
    await asyncio.sleep(0.35)  # all are due by now; a pace, not a wait for something to have happened
    assert one.sink.positions == [1]
    one.sink.room.set()
    await one.end()
    assert one.sink.positions == [1, 2, 3, 4]
    # Not made up for: the gaps after the first of them are those of the log.
    assert one.sink.times[3] - one.sink.times[1] >= 0.2 - 5e-3


async def test_a_client_that_leaves_ends_it_and_nobody_is_told() -> None:
    one = await playing(every(0, 4))
    one.sink.is_full = one.sink.is_gone = True
    one.sink.room.set()
    assert await one.end() is None
    assert one.sink.told == []


async def test_what_is_pruned_on_the_way_ends_it_early() -> None:
    one = await playing(every(1000, 300), is_paused=True)
    await one.do(Step())
    del one.log.events[250:]
    await one.do(Seek(240))
    await one.do(Speed(1000))
    for _ in range(11):
        await one.do(Step())
    assert await one.end() == "pruned"
    assert one.sink.positions == [1, *range(240, 251)]


async def test_a_log_that_cannot_be_read_is_said_and_ends_it() -> None:
    one = await playing(every(0, 300), is_paused=True)
    one.log.error = StoreUnavailable("The log is busy.")
    await one.do(Resume())
    assert await one.end() == "failed"
    assert [message["type"] for message in one.sink.told] == ["error", "replay_finished"]
    assert one.sink.told[0]["code"] == "store_unavailable"
