"""A log behind a server, as a reporter uses it: the twin of :class:`tracker.runtime.Tracker`."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from multiprocessing import util
from pathlib import Path
from typing import Any

from uuid_utils import uuid7

from tracker.errors import RecorderClosed, RecorderFull, ServerUnreachable
from tracker.events import Event
from tracker.intake_queue import IntakeQueue
from tracker.receipt import Receipt
from tracker.remote.connection import Connection
from tracker.remote.receipts import RemoteReceipt
from tracker.remote.sender import EVENT_OVERHEAD, Sender
from tracker.remote.spool import spool_folder
from tracker.server_url import base_url
from tracker.settings import Settings

_CLOSE_SECONDS = 5.0
_open: weakref.WeakSet[RemoteTracker]


class RemoteTracker:
    """Reports to a server. Thread-safe; a forked child goes on with a queue, a spool and a connection of its own."""

    def __init__(self, settings: Settings, url: str, token: str | None) -> None:
        """Nothing is connected yet: that the server is away is no error here.

        Raises:
            InvalidQuery: If ``url`` names no server.
        """
        self.url = base_url(url)
        self._settings = settings
        self._token = token
        self._starting = threading.Lock()
        self._closed = False
        self._begin()
        _open.add(self)
        _close_at_exit(self)

    def _begin(self) -> None:
        settings = self._settings
        self._queue = IntakeQueue[RemoteReceipt](
            settings.queue_events, settings.queue_bytes, settings.queue_timeout_seconds
        )
        self._connection = Connection(self.url, self._token)
        self._sender: Sender | None = None

    def record(self, event: Event) -> Receipt:
        """Queue an event; see :meth:`tracker.recorder.Recorder.record`.

        Raises:
            RecorderFull: If no room came free within ``queue_timeout`` seconds; at once while the server is away.
            RecorderClosed: If this was closed.
        """
        receipt = RemoteReceipt(event, event.event_id or str(uuid7()))
        sender = self._sender or self._start()
        try:
            self._queue.put(receipt, 1, receipt.size + EVENT_OVERHEAD, wait=not sender.is_away)
        except RecorderFull as error:
            raise self._full(error) from None
        return receipt

    def status(self, job_id: str) -> dict[str, Any] | None:
        """A job's status, after all that was reported before; None if there is no such job."""
        self.flush()
        body = self._connection.get("/progress/job", job_id)
        found: dict[str, Any] | None = body and body["job_status"]
        return found

    def active(self) -> dict[str, dict[str, Any]]:
        """The status of every unfinished job by its id."""
        self.flush()
        body = self._connection.get("/progress/active")
        if body is None:
            raise ServerUnreachable(self.url, f"What answers at {self.url} is not a tracker's server.")
        found: dict[str, dict[str, Any]] = body["active_jobs"]
        return found

    def flush(self, timeout: float | None = None) -> None:
        """Wait until all that was reported is durable or refused; ``TimeoutError`` after ``timeout`` seconds."""
        last = self._queue.newest
        if last is not None and not last.done:
            _wait(last.add_done_callback, timeout)

    def close(self) -> None:
        """Deliver what is queued, within 5 seconds; what is not is left in the spool. Again is harmless."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        self._queue.close("The reporter is closed and records no more events.")
        if self._sender is not None:
            self._sender.close(_CLOSE_SECONDS)
        self._connection.close()

    def begin_anew(self) -> None:
        """In a forked child: what is queued and spooled is the parent's."""
        self._starting = threading.Lock()
        if self._sender is not None:
            self._sender.disown()
        self._begin()
        _close_at_exit(self)

    def _start(self) -> Sender:
        with self._starting:
            if self._closed:
                raise RecorderClosed("The reporter is closed and records no more events.")
            if self._sender is None:
                folder = spool_folder(_base_folder(self._settings), self.url) if self._settings.spool else None
                self._sender = Sender(self.url, self._queue, self._connection.post_events, folder)
            return self._sender

    def _full(self, error: RecorderFull) -> RecorderFull:
        error.args = (
            f"{self.url} takes events more slowly than they come, or not at all: {self._queue.depth} wait, and there "
            "is no room for more. This event was not recorded.",
        )
        return error


def _base_folder(settings: Settings) -> Path:
    if settings.spool_folder:
        return Path(settings.spool_folder).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("jobreel", appauthor=False) / "spool"


def _close_at_exit(remote: RemoteTracker) -> None:
    atexit.register(remote.close)
    # Children that multiprocessing forks end without the interpreter's own goodbye, and have one of their own, which
    # they forget at their start: it is to be said after that.
    util.register_after_fork(remote, lambda one: util.Finalize(one, one.close, exitpriority=0))


def _wait(add_done_callback: Callable[[Callable[[], None]], None], timeout: float | None) -> None:
    settled = threading.Lock()
    settled.acquire()
    add_done_callback(settled.release)
    if not settled.acquire(timeout=-1 if timeout is None else timeout):
        raise TimeoutError(f"Not everything is recorded after {timeout:g} s; it still may be.")


_open = weakref.WeakSet()


def _begin_all_anew() -> None:
    for remote in list(_open):
        remote.begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_begin_all_anew)
