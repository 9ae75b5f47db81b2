"""One replay: events of the log, sent when they are due. Event loop only.

Knows no socket: what it writes to is a :class:`Sink`, a WebSocket client's or a terminal's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from tracker.errors import InvalidQuery, TrackerError
from tracker.events import RecordedEvent
from tracker.replay import Place, Playback
from tracker.replay_log import Extent, Pages, place_before
from tracker.replay_request import Control, Pause, ReplayRequest, Resume, Seek, Speed, Step, Stop
from tracker.store.base import Reader

from . import problems, replay_messages
from .replay_messages import Message, Reason

PIECE_BYTES = 32 * 1024


class Sink(Protocol):
    """Where a replay goes."""

    @property
    def has_room(self) -> bool:
        """Whether the next piece may be written at once."""
        ...

    async def drain(self) -> None:
        """Wait for room; raises ``ConnectionError`` when nobody is there any more."""
        ...

    def tell(self, message: Message) -> None:
        """Send a message, without waiting."""
        ...

    def send(self, replay_id: str, events: Sequence[RecordedEvent]) -> None:
        """Send events, in this order, without waiting."""
        ...


class Replay:
    """Plays an extent of the log to a sink: :meth:`run` it, control it meanwhile."""

    def __init__(self, replay_id: str, extent: Extent, request: ReplayRequest, reader: Reader, sink: Sink) -> None:
        self.replay_id = replay_id
        self.extent = extent
        self._reader = reader
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self.playback = Playback(
            self._loop.time(),
            speed=request.speed,
            max_gap_seconds=request.max_gap_seconds,
            is_paused=request.is_paused,
        )
        self._pages = Pages(reader, extent)
        self._after = extent.after
        self._sent = 0
        self._begins = True  # or goes on elsewhere: its first page is not here yet
        self._is_stopped = False
        self._ref: Any = None  # of the message that stopped it
        self._waker: asyncio.Future[bool] | None = None

    async def run(self) -> Reason | None:
        """Send every event at its time, then say that the replay has finished and return why; None: nobody listens."""
        try:
            await self._play()
            reason = self._reason()
        except TrackerError as error:
            self._sink.tell(problems.reply(error))
            reason = "failed"
        except ConnectionError:
            return None
        finally:
            self._pages.close()
        message = replay_messages.finished(self.replay_id, reason, self._after, self._sent)
        self._sink.tell(message if self._ref is None else {**message, "ref": self._ref})
        return reason

    async def control(self, control: Control, ref: Any) -> Message | None:
        """Do what a client asks; returns what it is answered, None where that is the end, which has the ``ref`` then.

        Raises:
            InvalidQuery: If it cannot be done; nothing is changed then.
        """
        now = self._loop.time()
        match control:
            case Pause():
                self.playback.pause(now)
            case Resume():
                self.playback.resume(now)
            case Speed(speed=speed):
                self.playback.set_speed(now, speed)
            case Step():
                await self._step()
            case Seek(to=to):
                await self._seek(to)
            case Stop():
                self._is_stopped, self._ref = True, ref
        self._wake()
        return None if self._is_stopped else replay_messages.told_state(self.replay_id, self.playback, self._after)

    async def _step(self) -> None:
        if not self.playback.is_paused:
            raise InvalidQuery.of("type", "the replay is playing: pause it before a step")
        if await self._pages.next() is not None:
            self._send([self._take()])

    async def _seek(self, to: Place) -> None:
        after = await place_before(self._reader, self.extent, to)
        self._pages.restart(after)
        self._after = after
        self._begins = True
        self.playback.seek(self._loop.time(), None if isinstance(to, int) else to.at)

    async def _play(self) -> None:
        while not self._is_stopped and (event := await self._next()) is not None:
            due = self.playback.due(event.recorded_at)
            if (due is None or due > self._loop.time()) and not await self._reached(due):
                continue  # something changed meanwhile
            if not self._sink.has_room:
                await self._wait_for_room()
                continue
            # At what was waited for, whatever the clock says: it may tick more seldom than its timers end.
            self._send(self._due_by(max(due or 0.0, self._loop.time())))
            await asyncio.sleep(0)  # others have their turn, also where everything is due at once

    async def _next(self) -> RecordedEvent | None:
        since = self._loop.time()
        event = await self._pages.next()
        if self._begins:
            # The clock starts with the first event, not with the question for it.
            self._begins = False
            self.playback.hold(since, self._loop.time())
        return event

    async def _wait_for_room(self) -> None:
        since = self._loop.time()
        await self._sink.drain()
        # A client that reads slowly is not flooded afterwards with what it could not take: the clock stood.
        self.playback.hold(since, self._loop.time())

    async def _reached(self, due: float | None) -> bool:
        """Wait for a time, None for ever; False if it was not waited for to the end."""
        waker: asyncio.Future[bool] = self._loop.create_future()
        self._waker = waker
        timer = None if due is None else self._loop.call_at(due, _resolve, waker, True)
        try:
            return await waker
        finally:
            if timer is not None:
                timer.cancel()
            self._waker = None

    def _wake(self) -> None:
        if self._waker is not None:
            _resolve(self._waker, False)

    def _due_by(self, deadline: float) -> list[RecordedEvent]:
        """Take the events that are due, as many as make a piece."""
        taken: list[RecordedEvent] = []
        size = 0
        while size < PIECE_BYTES and not self._is_stopped and (event := self._pages.first) is not None:
            due = self.playback.due(event.recorded_at)
            if due is None or due > deadline:
                break
            taken.append(self._take())
            size += len(event.payload)
        return taken

    def _take(self) -> RecordedEvent:
        event = self._pages.take()
        self.playback.sent(event.recorded_at)
        self._after = event.position
        self._sent += 1
        return event

    def _send(self, events: list[RecordedEvent]) -> None:
        if events:
            self._sink.send(self.replay_id, events)

    def _reason(self) -> Reason:
        if self._is_stopped:
            return "stopped"
        return "end" if self.extent.last is None or self._after >= self.extent.last.position else "pruned"


def _resolve(waker: asyncio.Future[bool], is_reached: bool) -> None:
    if not waker.done():
        waker.set_result(is_reached)
