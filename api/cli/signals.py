"""Ctrl-C and SIGTERM as a wish to stop that a coroutine can wait for; SIGHUP as that, or as news for a server."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_LOOK_AGAIN_SECONDS = 1.0
_STANDARD_STREAMS = (0, 1, 2)
_Turned = dict[signal.Signals, Any]


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
def stopping(on_hangup: Callable[[], None] | None = None) -> Iterator[StopRequest]:
    """Turn the signals that end a process into a request. Main thread only.

    ``on_hangup`` is called for a SIGHUP that somebody sends, on systems that have it; that of a terminal which closes
    is a wish to stop as without it. After a clean end they stay turned: the process leaves then, and a second Ctrl-C
    must not break into that.
    """
    request = StopRequest()
    hangup = signal.Signals.__members__.get("SIGHUP")
    before: _Turned = {}
    if on_hangup is not None and hangup is not None:
        before[hangup] = signal.signal(hangup, _hangup_handler(request.make, on_hangup, signal.getsignal(hangup)))
    before |= _turn(request.make)
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


def _turn(make: Callable[[], None]) -> _Turned:
    return {number: signal.signal(number, lambda *_: make()) for number in _signals()}


def _hangup_handler(stop: Callable[[], None], on_hangup: Callable[[], None], before: Any) -> Callable[..., None]:
    # Under nohup it is ignored, and the end of the terminal is no reason to stop.
    terminals = [stream for stream in _STANDARD_STREAMS if os.isatty(stream)] if before is signal.SIG_DFL else []

    def handle(*_: object) -> None:
        is_closed = terminals and not any(os.isatty(stream) for stream in terminals)
        (stop if is_closed else on_hangup)()

    return handle


def _turn_back(before: _Turned) -> None:
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
