"""A receipt: the promise made for a call, and its settling."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Generator

from tracker.errors import TrackerError
from tracker.events import RecordedEvent
from tracker.store.base import Outcome

_log = logging.getLogger("tracker")
_registering = threading.Lock()


class Receipt:
    """What a call that records returns at once: later, the place of its events, or why they were refused.

    Any thread may wait, any number of times; in a coroutine, ``await receipt``. Ignoring a receipt is fine.
    """

    __slots__ = ("_outcome", "_waiters")

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._waiters: list[Callable[[], None]] | None = None

    @property
    def done(self) -> bool:
        """Whether the events are durable, or refused."""
        return self._is_settled()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the events are durable; returns the position of the last of them.

        Args:
            timeout: Seconds to wait at most; for ever by default.

        Raises:
            TrackerError: Why the events were refused; nothing of them was recorded.
            TimeoutError: If nothing is known yet; the events may still be recorded.
        """
        if self._outcome is None:
            # One lock a waiter: with a condition shared by all, each commit would wake every waiting caller.
            settled = threading.Lock()
            settled.acquire()
            self.add_done_callback(settled.release)
            if not settled.acquire(timeout=-1 if timeout is None else timeout):
                raise TimeoutError(f"The event is not recorded after {timeout:g} s; it still may be.")
        return self.result()[-1].position

    def result(self) -> tuple[RecordedEvent, ...]:
        """The recorded events, in the order of the call; of a repeated event its first recording.

        Raises:
            TrackerError: Why they were refused.
            RuntimeError: If that is not known yet.
        """
        outcome = self._outcome
        if outcome is None:
            raise RuntimeError("The receipt is not settled yet: wait() for it.")
        if isinstance(outcome, TrackerError):
            raise outcome
        return outcome

    def __await__(self) -> Generator[None, None, tuple[RecordedEvent, ...]]:
        """The same as :meth:`result`, when it is known. In an event loop."""
        if self._outcome is None:
            loop = asyncio.get_running_loop()
            settled: asyncio.Future[None] = loop.create_future()

            def settle() -> None:
                if not settled.done():
                    settled.set_result(None)

            def settle_soon() -> None:
                # Whoever waited may have given up, and its loop be closed.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(settle)

            self.add_done_callback(settle_soon)
            yield from settled
        return self.result()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the receipt is settled: on the recorder's thread, or at once if it is already."""
        with _registering:
            if not self._is_settled():
                self._waiters = [*(self._waiters or ()), callback]
                # settle() does not take the lock: it may have looked for waiters just before this one was there.
                if not self._is_settled():
                    return
                self._waiters = [waiter for waiter in self._waiters if waiter is not callback]
        callback()

    def _is_settled(self) -> bool:
        return self._outcome is not None

    def settle(self, outcome: Outcome) -> None:
        """Make the outcome known. The recorder's thread, once."""
        self._outcome = outcome
        if self._waiters is not None:
            with _registering:
                waiters, self._waiters = self._waiters, None
            for waiter in waiters or ():
                try:
                    waiter()
                except Exception:  # noqa: BLE001  # a callback's defect is not the recorder's
                    _log.exception("A receipt's callback failed")
