"""The bounded queue between callers and the recorder: callers wait for room, nothing is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from tracker.errors import RecorderClosed, RecorderFull
from tracker.times import now


class Stamped(Protocol):
    """What can be queued: the queue stamps it when it lets it in."""

    accepted_at: int


_T = TypeVar("_T", bound=Stamped)


class IntakeQueue(Generic[_T]):
    """Items from any thread, taken by one.

    Bounded in count and in bytes, counting what has been taken but is not yet :meth:`release`-d: memory stays
    bounded however slow the store is. An item that alone exceeds the bound in bytes passes when the queue is empty.
    """

    def __init__(self, capacity: int, capacity_bytes: int, timeout_seconds: float) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._timeout = timeout_seconds
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._items: list[_T] = []
        self.newest: _T | None = None  # the last that was let in, also when it is done
        self._count = 0
        self._bytes = 0
        self._taker_waits = False
        self._callers_wait = 0
        self._refusal: str | None = None

    def put(self, item: _T, count: int, size: int, *, wait: bool = True) -> None:
        """Queue an item of ``count`` events and ``size`` bytes, stamped with the time (microseconds UTC) it got in.

        Waits for room up to the timeout or, on ``wait=False``, not at all.

        Raises:
            RecorderFull: If no room came free within the timeout.
            RecorderClosed: If the queue was closed.
        """
        self._enter()
        try:
            if self._count + count > self._capacity or self._bytes + size > self._capacity_bytes:
                self._wait_for_room(count, size, self._timeout if wait else 0)
            if self._refusal is not None:
                raise RecorderClosed(self._refusal)
            # Under the lock, so that the stamps are in the order of the queue.
            item.accepted_at = now()
            self._items.append(item)
            self.newest = item
            self._count += count
            self._bytes += size
            if self._taker_waits:
                self._arrived.notify()
        finally:
            self._lock.release()

    def take(self) -> list[_T]:
        """Everything that waits, in order; waits for something. Empty once the queue is closed and empty."""
        with self._lock:
            while not self._items and self._refusal is None:
                self._taker_waits = True
                self._arrived.wait()
            self._taker_waits = False
            items, self._items = self._items, []
            return items

    def withdraw(self, is_wanted: Callable[[_T], bool]) -> list[_T]:
        """Take only what waits and is wanted, in order; the rest stays. Does not wait."""
        with self._lock:
            found = [item for item in self._items if is_wanted(item)]
            if found:
                self._items = [item for item in self._items if not is_wanted(item)]
            return found

    def release(self, count: int, size: int) -> None:
        """Give back the room of items that were taken and are done."""
        with self._lock:
            self._count -= count
            self._bytes -= size
            if self._callers_wait:
                self._room.notify_all()

    def close(self, refusal: str) -> None:
        """Take no more items; ``refusal`` says why. What waits can still be taken."""
        with self._lock:
            if self._refusal is None:
                self._refusal = refusal
            self._arrived.notify_all()
            self._room.notify_all()

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._refusal is not None

    @property
    def oldest_accepted_at(self) -> int | None:
        """When the item was let in that waits the longest, microseconds UTC; None where none waits. Any thread."""
        with self._lock:
            return self._items[0].accepted_at if self._items else None

    @property
    def depth(self) -> int:
        """Events waiting or being written."""
        return self._count

    @property
    def depth_bytes(self) -> int:
        """Bytes of these."""
        return self._bytes

    def disown(self, refusal: str) -> None:
        """In a forked child: forget the parent's items, and refuse new ones."""
        self._reset()
        self._refusal = refusal

    def _enter(self) -> None:
        # Not a blocking acquire: who waits in one owns the lock as soon as it is free, and only then waits for the
        # interpreter. The thread that runs meets a taken lock at its next call, gives up the interpreter, and so on:
        # with four busy threads each call switched threads, and took 30 µs instead of 8.
        while not self._lock.acquire(blocking=False):
            time.sleep(0)

    def _wait_for_room(self, count: int, size: int, timeout: float) -> None:
        self._callers_wait += 1
        try:
            if not self._room.wait_for(lambda: self._fits(count, size), timeout):
                raise RecorderFull(self._capacity, timeout)
        finally:
            self._callers_wait -= 1

    def _fits(self, count: int, size: int) -> bool:
        if self._refusal is not None or self._count == 0:
            return True
        return self._count + count <= self._capacity and self._bytes + size <= self._capacity_bytes
