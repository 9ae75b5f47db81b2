"""Events on their way to the server, in order: filled by one thread, emptied by another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias

from tracker.remote.receipts import RemoteReceipt

_BATCH_BYTES = 240 * 1024  # a little less than the server takes


class Adopted:
    """An event that a process which is no more had spooled: its receipt is gone with it."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


Outgoing: TypeAlias = RemoteReceipt | Adopted


class Outbox:
    """See the module."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, events: Sequence[Outgoing]) -> None:
        """More events, behind those that wait."""
        with self._changed:
            self._waiting.extend(events)
            self._changed.notify()

    def close(self) -> None:
        """No more are added."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def wait(self) -> bool:
        """Wait for events; False when there are none and no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            return bool(self._waiting)

    def batch(self, most: int) -> list[Outgoing]:
        """The first events, at most so many and as large as one request takes; they stay until :meth:`remove`."""
        with self._changed:
            first = list(islice(self._waiting, most))
        size = 0
        for count, event in enumerate(first):
            size += len(event.text) + 1
            if size > _BATCH_BYTES and count:
                return first[:count]
        return first

    def remove(self, count: int) -> None:
        """The first ``count`` are done."""
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()

    def rest(self) -> list[Outgoing]:
        """What is not done."""
        with self._changed:
            return list(self._waiting)
