"""Ctrl-C and SIGTERM as a wish to stop that a coroutine can wait for."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_LOOK_AGAIN_SECONDS = 1.0


class StopRequest:
    """A wish to stop: made once or many times, by a signal handler or any thread."""

    def __init__(self) -> None:
        self.is_made = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def make(self) -> None:
        """Wish it. Returns at once; again is harmless, also when everything has stopped."""
        self.is_made = True
        if self._waiter is not None:
            loop, event = self._waiter
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(event.set)

    async def made(self) -> None:
        """Wait until it is wished."""
        event = asyncio.Event()
        self._waiter = asyncio.get_running_loop(), event
        while not self.is_made:
            # A signal that comes just as the loop falls asleep is handled, but does not wake it: look again.
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), _LOOK_AGAIN_SECONDS)


@contextmanager
def stopping() -> Iterator[StopRequest]:
    """Turn the signals that end a process into a request. Main thread only.

    After a clean end they stay turned: the process leaves then, and a second Ctrl-C must not break into that.
    """
    request = StopRequest()
    before = _turn(request.make)
    try:
        yield request
    except BaseException:
        _turn_back(before)
        raise


@contextmanager
def stop_events(stop: threading.Event) -> Iterator[None]:
    """Have the same signals set an event, inside only. Main thread only."""

    def make() -> None:
        # Not again: the lock inside the event may be held by what the signal interrupts.
        if not stop.is_set():
            stop.set()

    before = _turn(make)
    try:
        yield
    finally:
        _turn_back(before)


def _turn(make: Callable[[], None]) -> dict[signal.Signals, Any]:
    return {number: signal.signal(number, lambda *_: make()) for number in _signals()}


def _turn_back(before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler or signal.SIG_DFL)


def _signals() -> list[signal.Signals]:
    # SIGBREAK is Windows' Ctrl-Break; SIGHUP, a closed terminal, is ignored where nohup says so.
    numbers = [signal.SIGINT, signal.SIGTERM]
    numbers += [signal.Signals[name] for name in ("SIGBREAK",) if name in signal.Signals.__members__]
    hangup = signal.Signals.__members__.get("SIGHUP")
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        numbers.append(hangup)
    return numbers
