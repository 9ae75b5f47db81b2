"""The tracker: store, recorder, feed and retention, built, wired, started and stopped. All wiring is here."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tracker.catching_up import CatchingUp
from tracker.events import RecordedEvent
from tracker.feed import Feed
from tracker.intake_queue import IntakeQueue
from tracker.recorder import QueueItem, Recorder
from tracker.retention import Retention, RetentionPolicy
from tracker.settings import Settings
from tracker.store import open_store
from tracker.store.base import Reader

_open: weakref.WeakSet[Tracker]
_GATHER_SECONDS = 0.002


class Tracker:
    """An open log with its recorder. Thread-safe, except for the feed, which belongs to its event loop.

    Closing it writes what was accepted; a tracker still open when the interpreter ends is closed then.
    """

    def __init__(self, settings: Settings, *, migrate: bool = False) -> None:
        """Open the log. ``migrate``: see :func:`tracker.store.open_store`.

        Raises:
            StoreOwned: If another process writes it.
            SchemaMismatch: If its tables are of another version.
            StoreError: If it cannot be opened.
        """
        self.settings = settings
        self.store = open_store(settings.database_url, migrate=migrate)
        self._listeners: list[Callable[[list[RecordedEvent]], None]] = []
        self._before_close: list[Callable[[], None]] = []
        self._closed = False
        queue = IntakeQueue[QueueItem](settings.queue_events, settings.queue_bytes, settings.queue_timeout_seconds)
        self.recorder = Recorder(self.store.writer, queue, on_commit=self._tell, batch_events=settings.batch_events)
        policy = RetentionPolicy(keep_for_seconds=settings.keep_for_seconds)
        self.retention = Retention(self.recorder, policy, settings.prune_interval_seconds)
        _open.add(self)
        atexit.register(self._close_at_end)

    def on_commit(self, listener: Callable[[list[RecordedEvent]], None]) -> None:
        """Call ``listener`` with the rows of each commit, on the recorder's thread: it must not wait."""
        self._listeners = [*self._listeners, listener]

    def remove_listener(self, listener: Callable[[list[RecordedEvent]], None]) -> None:
        """Undo :meth:`on_commit`."""
        self._listeners = [one for one in self._listeners if one != listener]

    def before_close(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` when the tracker is closed, while it still records; the last added is called first."""
        self._before_close.append(stop)

    def close(self) -> None:
        """Stop what was started, write what was accepted (5 seconds at most), give up the log. Again is harmless.

        Raises:
            KeyboardInterrupt: When that is done, if it was interrupted once; at once, if it was twice.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._close_at_end)
        with contextlib.ExitStack() as steps:
            # By its thread if that still writes when nobody waits for it any more: a log that is closed under it is
            # not sound, and one that is given up belongs to somebody else.
            steps.callback(self.recorder.close, then=self.store.close)
            steps.callback(self.retention.stop)
            for stop in self._before_close:
                steps.callback(stop)

    def _close_at_end(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):  # it wants the end, and this is the end
            self.close()

    def disown(self) -> None:
        """In a forked child: the log is the parent's. Nothing is closed; calls are refused."""
        self._closed = True
        atexit.unregister(self._close_at_end)
        self.recorder.disown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, recorded: list[RecordedEvent]) -> None:
        for listener in self._listeners:
            listener(recorded)


class LiveFeed:
    """A tracker's feed on the running event loop: ``async with LiveFeed(tracker) as live``."""

    reader: Reader
    feed: Feed

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        # Commits told and not yet handed to the feed, with the number of the connection that each came by; filled by
        # the recorder's thread, emptied on the loop.
        self._told: deque[tuple[int, list[RecordedEvent]]] = deque()
        self._on_new_log: list[Callable[[], None]] = []
        self._is_called = False
        self._handed_at = 0.0

    async def __aenter__(self) -> Self:
        settings = self._tracker.settings
        self._loop = asyncio.get_running_loop()
        self.reader = self._tracker.store.reader()
        # Listen first, read the head then: a commit in between is told twice rather than never.
        self._is_called = True
        self._connection = self._tracker.store.writer.connections
        self._tracker.on_commit(self._tell)
        head = await self.reader.head()
        self.feed = Feed(self.reader, head, ring_events=settings.ring_events, ring_bytes=settings.ring_bytes)
        self._catching_up = CatchingUp(self.feed, self._begin_anew)
        self._hand_over()
        self._doorbell = self._tracker.store.doorbell(self._heard)
        await self._doorbell.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tracker.remove_listener(self._tell)
        await self._doorbell.__aexit__(None, None, None)
        await self._catching_up.close()
        await self.reader.close()

    def on_new_log(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop when the feed began anew, as the log is another: nobody follows it any more."""
        self._on_new_log.append(listener)

    def _heard(self, position: int | None) -> None:
        # Another node committed, or may have.
        if position is None or position > self.feed.tail:
            self._catching_up.call(looks=position is None)

    async def _begin_anew(self) -> None:
        known = self.feed.epoch
        # Cursors are told from those of the log that went back by its epoch; of all nodes one gives it another.
        head = await asyncio.to_thread(self._tracker.recorder.ask, lambda log: log.begin_epoch(instead_of=known))
        self.feed.begin_anew(head)
        for listener in self._on_new_log:
            listener()

    def _tell(self, recorded: list[RecordedEvent]) -> None:
        self._told.append((self._tracker.store.writer.connections, recorded))
        if not self._is_called:
            self._is_called = True
            # The loop may be gone between the last commit and __aexit__; nobody is left to be told then.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hand_over_soon)

    def _hand_over_soon(self) -> None:
        # A lone commit goes out at once. Of many small ones, those of two milliseconds go out together: a write to
        # every client costs the same for one event as for ten.
        due = self._handed_at + _GATHER_SECONDS
        if due <= self._loop.time():
            self._hand_over()
        else:
            self._loop.call_at(due, self._hand_over)

    def _hand_over(self) -> None:
        # Before the commits are taken: one that comes just after is called for again rather than forgotten.
        self._is_called = False
        recorded: list[RecordedEvent] = []
        while self._told:
            connection, rows = self._told.popleft()
            if connection != self._connection:
                self._connection = connection
                self.feed.doubt()
            recorded += rows
        if recorded and not self.feed.advance(recorded):
            self._catching_up.call()
        self._handed_at = self._loop.time()


_open = weakref.WeakSet()


def _disown_all() -> None:
    for tracker in list(_open):
        tracker.disown()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_disown_all)
