"""The socket pump: one WebSocket client's connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any, assert_never
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from tracker.errors import InvalidQuery, TrackerError
from tracker.feed import Feed, StreamedEvent
from tracker.receipt import Receipt
from tracker.recorder import Recorder
from tracker.store.base import LogHead
from tracker.times import iso, now

from . import problems, session, wire
from .subscription import BUFFER_BYTES, Subscription

_MOST_UNACKNOWLEDGED = 256
TOO_SLOW = 4408


class SocketChannel:
    """The bytes of one WebSocket; see :class:`api.subscription.Channel`."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, send_timeout: float) -> None:
        self._socket = socket
        self._transport = transport
        self._send_timeout = send_timeout

    @staticmethod
    def encode(events: Sequence[StreamedEvent], /) -> bytes:
        """See :class:`api.subscription.Channel`."""
        return wire.websocket_frames(events)

    def write(self, data: bytes) -> None:
        """See :class:`api.subscription.Channel`."""
        if not (self._socket.closed or self._transport.is_closing()):
            self._transport.write(data)

    @property
    def buffered(self) -> int:
        """See :class:`api.subscription.Channel`."""
        return self._transport.get_write_buffer_size()

    async def drain(self) -> None:
        """See :class:`api.subscription.Channel`."""
        deadline = asyncio.get_running_loop().time() + self._send_timeout
        pause = 0.001
        # Asked again and again, as asyncio tells only the protocol, which is not ours, when a buffer has drained.
        while self.buffered > BUFFER_BYTES // 2:
            if self._transport.is_closing():
                raise ConnectionError("closed")
            if asyncio.get_running_loop().time() > deadline:
                await self._cut()
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)
        # Others have their turn between two pages, also when this client drains as fast as it is written to.
        await asyncio.sleep(0)

    async def _cut(self) -> None:
        closing = self._socket.close(code=TOO_SLOW, message=b"too slow: resume with your cursor")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing, 1)
        self._transport.abort()
        raise ConnectionError("too slow")


class Connection:
    """One WebSocket client: reads its messages in turn, streams to it what it subscribed to."""

    def __init__(self, feed: Feed, recorder: Recorder, socket: web.WebSocketResponse, channel: SocketChannel) -> None:
        self.session = session.Session(uuid4().hex, now())
        self._feed = feed
        self._recorder = recorder
        self._socket = socket
        self._channel = channel
        self.subscription: Subscription | None = None
        self._unacknowledged: deque[asyncio.Task[None]] = deque()

    def describe(self) -> dict[str, Any]:
        """See :class:`api.clients.Client`."""
        return {
            "client_id": self.session.client_id,
            "client_type": self.session.client_type,
            "client_name": self.session.client_name,
            "transport": "websocket",
            "channels": sorted(self.session.channels),
            "cursor": self.subscription.place if self.subscription else None,
            "lag": self._feed.tail - self.subscription.place if self.subscription else 0,
            "connected_since": iso(self.session.connected_at),
        }

    async def dismiss(self) -> None:
        """See :class:`api.clients.Client`."""
        await self._socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"resume with your cursor")

    async def run(self) -> None:
        """Talk until the client leaves."""
        self._send(self.session.welcome(await self._feed.head(), now()))
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
                    await self._receive(data)
        finally:
            if self.subscription is not None:
                self.subscription.close()
            for task in self._unacknowledged:
                task.cancel()

    async def _receive(self, data: bytes) -> None:
        try:
            action = self.session.receive(wire.parse(data), now())
        except TrackerError as error:
            self._send(problems.reply(error))
            return
        match action:
            case session.Reply():
                self._send(action.message)
            case session.Record():
                await self._record(action)
            case session.Subscribe():
                await self._subscribe(action)
            case session.Unsubscribe():
                self._follow(self.subscription.place if self.subscription else self._feed.tail)
                self._send(action.message)
            case unreachable:
                assert_never(unreachable)

    async def _record(self, action: session.Record) -> None:
        try:
            receipt = self._recorder.record(action.event, patient=False)
        except TrackerError as error:
            self._send(problems.reply(error, action.ref))
            return
        # The next message is read while this one is being committed: many share a commit. The number is bounded.
        self._unacknowledged.append(asyncio.create_task(self._acknowledge(receipt, action.ref)))
        while self._unacknowledged and (
            self._unacknowledged[0].done() or len(self._unacknowledged) > _MOST_UNACKNOWLEDGED
        ):
            await self._unacknowledged.popleft()

    async def _acknowledge(self, receipt: Receipt, ref: Any) -> None:
        try:
            recorded = (await receipt)[-1]
        except TrackerError as error:
            self._send(problems.reply(error, ref))
        else:
            self._send(session.ack(recorded.position, recorded.sequence, ref))

    async def _subscribe(self, action: session.Subscribe) -> None:
        head = await self._feed.head()
        after = self._place(action, head)
        if after is None:
            return
        confirmed = {"type": "subscription_confirmed", "channels": sorted(self.session.channels), "after": after}
        self._send(confirmed if action.ref is None else {**confirmed, "ref": action.ref})
        if action.after is None:
            self._follow(after)
            return
        if after < head.horizon:
            self._send({"type": "truncated", "after": after, "horizon": head.horizon})
        self._follow(after, tells=True)

    def _place(self, action: session.Subscribe, head: LogHead) -> int | None:
        """Where to begin; None when the cursor is beyond the log's head, which the client is told."""
        if action.epoch is not None and action.epoch != head.epoch:
            self._send({"type": "reset", "epoch": head.epoch, "head": head.position})
            return 0
        if action.after is None:
            return self.subscription.place if self.subscription else self._feed.tail
        if action.after > max(head.position, self._feed.tail):
            problem = InvalidQuery("after", action.after, f"is beyond the head of the log, {head.position}")
            self._send(problems.reply(problem, action.ref))
            return None
        return action.after

    def _follow(self, after: int, tells: bool = False) -> None:
        if self.subscription is not None:
            self.subscription.close()
        self.subscription = None
        if self.session.channels:
            self.subscription = Subscription(self._feed, self._channel, self.session.filter, after)
            self.subscription.start(self._caught_up if tells else None)

    def _caught_up(self, position: int) -> None:
        self._send({"type": "caught_up", "position": position})

    def _send(self, message: dict[str, Any]) -> None:
        # Written straight to the transport, as the events are: what is said stays in the order it was said.
        text = wire.encode_text(message)
        self._channel.write(wire.websocket_frame(text))
