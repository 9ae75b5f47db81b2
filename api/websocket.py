"""The socket pump: one WebSocket client's connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, assert_never
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from tracker.errors import InvalidQuery, TrackerError
from tracker.feed import Encode
from tracker.filters import NOTHING
from tracker.receipt import Receipt
from tracker.times import iso, now
from tracker.tokens import Forbidden

from . import problems, session, wire
from .channel import StreamChannel
from .clients import Transport
from .context import Context
from .gate import Gate
from .introduction import AUTH, authenticated, confirmation, send_away
from .placing import Start, start_at
from .replay_control import ChannelSink, Replays
from .subscription import Subscription

_MOST_UNACKNOWLEDGED = 256
TOO_SLOW = 4408
_GOODBYE_SECONDS = 1
_expelling: set[asyncio.Task[bool]] = set()


class SocketChannel(StreamChannel):
    """The bytes of one WebSocket."""

    __slots__ = ("_socket",)

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        send_timeout: float,
        on_cut: Callable[[], None],
    ) -> None:
        super().__init__(transport, send_timeout, on_cut)
        self._socket = socket

    @property
    def encode(self) -> Encode:
        """See :class:`api.channel.StreamChannel`."""
        return wire.websocket_frames

    @property
    def is_open(self) -> bool:
        """See :class:`api.channel.StreamChannel`."""
        return not (self._socket.closed or self._transport.is_closing())

    async def tell_slow(self) -> None:
        """See :class:`api.channel.StreamChannel`."""
        closing = self._socket.close(code=TOO_SLOW, message=b"too slow: resume with your cursor", drain=False)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing, _GOODBYE_SECONDS)


class Connection:
    """One WebSocket client: reads its messages in turn, streams to it what it subscribed to."""

    transport: Transport = "websocket"

    __slots__ = (
        "_address",
        "_channel",
        "_feed",
        "_gate",
        "_has_spoken",
        "_is_to_tell",
        "_reader",
        "_recorder",
        "_replays",
        "_socket",
        "_unacknowledged",
        "access",
        "session",
        "subscription",
    )

    def __init__(
        self, gate: Gate, context: Context, socket: web.WebSocketResponse, channel: SocketChannel, address: str
    ) -> None:
        self.session = session.Session(uuid4().hex, now())
        self._gate = gate
        self._use(context)
        self._has_spoken = False
        self._socket = socket
        self._channel = channel
        self._address = address
        self.subscription: Subscription | None = None
        self._is_to_tell = False
        # Made with the first event it sends: most clients of a large server only read.
        self._unacknowledged: deque[asyncio.Task[None]] | None = None
        self._replays: Replays | None = None  # made with the first, for the same reason

    def _use(self, context: Context) -> None:
        self._gate.book.enter(context.access, self.expel)
        self.access = context.access
        self._feed = context.feed
        self._recorder = context.recorder
        self._reader = context.reader

    def describe(self) -> dict[str, Any]:
        """See :class:`api.clients.Client`."""
        return {
            "client_id": self.session.client_id,
            "client_type": self.session.client_type,
            "client_name": self.session.client_name,
            "transport": self.transport,
            "channels": sorted(self.session.channels),
            "cursor": self.subscription.place if self.subscription else None,
            "lag": self._feed.tail - self.subscription.place if self.subscription else 0,
            "connected_since": iso(self.session.connected_at),
        }

    def send_checkpoint(self) -> None:
        """See :class:`api.clients.Client`."""
        position = self.subscription.checkpoint() if self.subscription else None
        if position is not None:
            self._say_complete("checkpoint", position)

    async def dismiss(self) -> None:
        """See :class:`api.clients.Client`."""
        await self._socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"resume with your cursor")

    def expel(self) -> None:
        """Send it away: its token is good no more."""
        closing = self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the token was revoked or has expired")
        task = asyncio.create_task(closing)
        _expelling.add(task)
        task.add_done_callback(_expelling.discard)

    async def run(self) -> None:
        """Talk until the client leaves."""
        self._send(self.session.welcome(await self._feed.head(), now()))
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
                    await self._receive(data)
                    if not self._channel.has_room:
                        # Who asks and asks and does not read would have us hold all the answers.
                        await self._channel.drain()
        except ConnectionError:
            return  # it left, or was cut; it resumes with its cursor
        finally:
            self._gate.book.leave(self.access, self.expel)
            if self.subscription is not None:
                self.subscription.close()
            if self._replays is not None:
                self._replays.close()
            for task in self._unacknowledged or ():
                task.cancel()

    async def _receive(self, data: bytes) -> None:
        try:
            message = wire.parse(data)
        except TrackerError as error:
            self._send(problems.reply(error))
            return
        if isinstance(message, dict) and message.get("type") == AUTH:
            await self._authenticate(message)
            return
        self._has_spoken = True
        action = self.session.receive(message, now())
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
            case session.StartReplay() | session.ControlReplay():
                await self._replay(action)
            case unreachable:
                assert_never(unreachable)

    async def _authenticate(self, message: dict[str, Any]) -> None:
        if self._has_spoken or self.access.token_id is not None:
            error = InvalidQuery.of("type", "The token is said once, and before anything else.")
            self._send(problems.reply(error, session.plain_ref(message)))
            return
        try:
            context = await authenticated(self._gate, self._address, message)
        except TrackerError as error:
            await send_away(self._socket, error)
            return
        self._use(context)
        self._send(confirmation(self.access, session.plain_ref(message)))

    async def _record(self, action: session.Record) -> None:
        try:
            receipt = self._recorder.record(action.event, patient=False)
        except TrackerError as error:
            self._send(problems.reply(error, action.ref))
            return
        # The next message is read while this one is being committed: many share a commit. The number is bounded.
        waiting = self._unacknowledged = deque() if self._unacknowledged is None else self._unacknowledged
        waiting.append(asyncio.create_task(self._acknowledge(receipt, action.ref)))
        while waiting and (waiting[0].done() or len(waiting) > _MOST_UNACKNOWLEDGED):
            await waiting.popleft()

    async def _acknowledge(self, receipt: Receipt, ref: Any) -> None:
        try:
            recorded = (await receipt)[-1]
        except TrackerError as error:
            self._send(problems.reply(error, ref))
        else:
            self._send(session.ack(recorded.position, recorded.sequence, ref))

    async def _subscribe(self, action: session.Subscribe) -> None:
        # From here to _follow() nothing but the head is waited for: what is committed meanwhile is above it.
        head = await self._feed.head()
        try:
            self._feed.narrow(self.session.filter)
        except Forbidden as error:
            self.session.filter = NOTHING
            self._send(problems.reply(error, action.ref))
            return
        if action.after is None and action.epoch in (None, head.epoch):
            start = Start(self.subscription.place if self.subscription else self._feed.tail)
        else:
            try:
                start = start_at(action.after or 0, action.epoch, head)
            except TrackerError as error:
                self.session.filter = self.subscription.filter if self.subscription else NOTHING
                self._send(problems.reply(error, action.ref))
                return
        self._send(session.confirmation(self.session, start.after, action.ref))
        for notice in start.notices:
            self._send(notice)
        self._follow(start.after, tells=action.after is not None or bool(start.notices))

    async def _replay(self, action: session.StartReplay | session.ControlReplay) -> None:
        replays = self._replays
        if replays is None:
            sees_all = not self.access.job_prefixes
            replays = self._replays = Replays(self._reader, ChannelSink(self._channel), is_whole=sees_all)
        try:
            if isinstance(action, session.StartReplay):
                await replays.start(action.request, action.ref)
            else:
                await replays.control(action.control, action.replay_id, action.ref)
        except TrackerError as error:
            self._send(problems.reply(error, action.ref))

    def _follow(self, after: int, tells: bool = False) -> None:
        if self.subscription is not None:
            self.subscription.close()
        self.subscription = None
        # What was promised for a subscription is told also when another one takes its place on the way.
        self._is_to_tell = bool(self.session.channels) and (tells or self._is_to_tell)
        if self.session.channels:
            self.subscription = Subscription(self._feed, self._channel, self.session.filter, after)
            self.subscription.start(self._caught_up if self._is_to_tell else None)

    def _caught_up(self, position: int) -> None:
        self._is_to_tell = False
        self._say_complete("caught_up", position)

    def _say_complete(self, kind: str, position: int) -> None:
        # With prev, as an event has it: a client that lacks the last one must not take this for completeness.
        last = self.subscription.last if self.subscription else 0
        self._send({"type": kind, "position": position, "prev": last})

    def _send(self, message: dict[str, Any]) -> None:
        # Written straight to the transport, as the events are: what is said stays in the order it was said.
        text = wire.encode_text(message)
        self._channel.write(wire.websocket_frame(text))
