"""Committed events for a receiver in this process: any object with ``broadcast(message, channel=None)``."""

from __future__ import annotations

import inspect
import logging
import threading
from typing import Any, Protocol, runtime_checkable

from tracker.errors import TrackerError
from tracker.messages import channel, message
from tracker.recorder import Recorder

_log = logging.getLogger("tracker")
_PAGE = 500


@runtime_checkable
class Broadcasts(Protocol):
    """A receiver of messages."""

    def broadcast(self, message: dict[str, Any], channel: str | None = None) -> Any:
        """Pass a message on to whoever listens on the channel."""
        ...


class Broadcaster:
    """A cursor on the log, on a thread of its own: a receiver that is slow, or fails, holds nobody up.

    Each event is passed once, in order, after its commit; what a receiver raises is logged and not tried again.
    """

    def __init__(self, receiver: Broadcasts, recorder: Recorder, after: int) -> None:
        if inspect.iscoroutinefunction(receiver.broadcast):
            raise TypeError(f"{type(receiver).__name__}.broadcast must be a plain function: it is called by a thread.")
        self._receiver = receiver
        self._recorder = recorder
        self._cursor = after
        self._head = after
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tracker-broadcaster", daemon=True)
        self._thread.start()

    def advance(self, head: int) -> None:
        """The log has events up to ``head``. Any thread; does not wait."""
        with self._changed:
            self._head = head
            self._changed.notify()

    def finish(self, timeout: float = 5.0) -> None:
        """Pass on everything that was accepted, within about ``timeout`` seconds, then stop."""
        try:
            self._recorder.flush(timeout)
        except (TimeoutError, TrackerError) as error:
            _log.warning("Events may not have been passed on at the end: %s", error)
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while head := self._wait_for_news():
            try:
                events = self._recorder.ask(lambda writer: writer.read(self._cursor, _PAGE))
            except TrackerError as error:
                _log.warning("Events are no longer passed on: %s", error)
                return
            for event in events:
                self._pass_on(message(event), channel(event.type))
                self._cursor = event.position
            if not events:
                self._cursor = head  # what was there has been pruned

    def _wait_for_news(self) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self._head > self._cursor or self._stopping)
            return self._head if self._head > self._cursor else 0

    def _pass_on(self, message: dict[str, Any], channel: str) -> None:
        try:
            self._receiver.broadcast(message, channel)
        except Exception:  # noqa: BLE001  # the receiver is not ours, and may raise anything
            _log.exception("The receiver of broadcasts failed on position %s", message["position"])
