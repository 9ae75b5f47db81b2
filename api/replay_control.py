"""The replays of one WebSocket client: a few at a time, each started, controlled and stopped by messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

from tracker.events import RecordedEvent
from tracker.replay_log import find_extent
from tracker.replay_request import Control, ReplayRequest, TooManyReplays, UnknownReplay
from tracker.store.base import Reader
from tracker.times import now

from . import replay_messages, wire
from .channel import StreamChannel
from .replay_messages import Message
from .replaying import Replay

MOST_REPLAYS = 4
# A quarter of what a client at the tail may have waiting: what is live has room beside it.
_ROOM_BYTES = 64 * 1024
_LONGEST_PAUSE_SECONDS = 0.25


class ChannelSink:
    """See :class:`api.replaying.Sink`: a WebSocket that carries a live stream as well."""

    def __init__(self, channel: StreamChannel) -> None:
        self._channel = channel

    @property
    def has_room(self) -> bool:
        """See :class:`api.replaying.Sink`."""
        return self._channel.buffered <= _ROOM_BYTES

    async def drain(self) -> None:
        """See :class:`api.replaying.Sink`. A client that takes nothing for ``send_timeout`` seconds is ended."""
        clock, channel = asyncio.get_running_loop().time, self._channel
        left, deadline, pause = channel.buffered, clock() + channel.send_timeout, 0.001
        while not self.has_room:
            # A live stream that catches up fills the buffer again and again: what counts is that something is taken.
            if channel.buffered < left:
                deadline = clock() + channel.send_timeout
            elif clock() > deadline:
                await channel.cut()
            left = channel.buffered
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
        if not channel.is_open:
            raise ConnectionError("The client left.")

    def tell(self, message: Message) -> None:
        """See :class:`api.replaying.Sink`."""
        self._channel.write(wire.websocket_frame(wire.encode_text(message)))

    def send(self, replay_id: str, events: Sequence[RecordedEvent]) -> None:
        """See :class:`api.replaying.Sink`."""
        texts = [replay_messages.event_text(event, replay_id) for event in events]
        self._channel.write(b"".join(map(wire.websocket_frame, texts)))


class Replays:
    """Those of one client. Event loop only."""

    def __init__(self, reader: Reader, sink: ChannelSink, *, is_whole: bool) -> None:
        """``reader``: as the client may use it; ``is_whole``: it may see every job."""
        self._reader = reader
        self._sink = sink
        self._is_whole = is_whole
        self._numbers = count(1)
        self._running: dict[str, Replay] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, request: ReplayRequest, ref: Any) -> None:
        """Answer with ``replay_started``, and begin.

        Raises:
            TooManyReplays: If four are running. And what :func:`tracker.replay_log.find_extent` raises.
        """
        if len(self._running) >= MOST_REPLAYS:
            raise TooManyReplays.of("", f"This connection has {MOST_REPLAYS} replays: stop one, or wait for its end.")
        extent = await find_extent(self._reader, request, now())
        replay = Replay(f"r{next(self._numbers)}", extent, request, self._reader, self._sink)
        events = extent.count(is_whole=self._is_whole)
        self._tell(replay_messages.started(replay.replay_id, extent, replay.playback, events), ref)
        self._running[replay.replay_id] = replay
        self._tasks[replay.replay_id] = asyncio.create_task(self._run(replay))

    async def control(self, control: Control, replay_id: str | None, ref: Any) -> None:
        """Do it, and answer with ``replay_state``, or with ``replay_finished`` where that was asked for.

        Raises:
            UnknownReplay: If there is no such replay, or none is named where several are running.
            InvalidQuery: If it cannot be done.
        """
        replay = self._find(replay_id)
        answer = await replay.control(control, ref)
        if replay.replay_id not in self._running:
            raise UnknownReplay.of("replay_id", "this replay has finished meanwhile")
        if answer is not None:
            self._tell(answer, ref)

    def close(self) -> None:
        """End them all; nobody is told."""
        for task in self._tasks.values():
            task.cancel()

    async def _run(self, replay: Replay) -> None:
        try:
            await replay.run()
        finally:
            del self._running[replay.replay_id]
            del self._tasks[replay.replay_id]

    def _find(self, replay_id: str | None) -> Replay:
        if replay_id is None and len(self._running) == 1:
            return next(iter(self._running.values()))
        replay = self._running.get(replay_id or "")
        if replay is not None:
            return replay
        problem = "name one of the replays that are running" if self._running else "no replay is running"
        raise UnknownReplay("replay_id", replay_id, problem)

    def _tell(self, message: Message, ref: Any) -> None:
        self._sink.tell(message if ref is None else {**message, "ref": ref})
