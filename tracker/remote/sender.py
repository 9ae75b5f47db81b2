"""The threads that bring events to the server: one spools what is queued, the other posts it, in order.

They are two so that an event is on the disk within milliseconds also while the server takes its time to answer.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tracker.errors import RecorderClosed, TrackerError
from tracker.intake_queue import IntakeQueue
from tracker.remote.answers import Accepted, Later, Meaning, Refused, TooLarge
from tracker.remote.outbox import Adopted, Outbox, Outgoing
from tracker.remote.receipts import RemoteReceipt
from tracker.remote.spool import Spool

_log = logging.getLogger("tracker.remote")
_BATCH_EVENTS = 1000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0  # seconds between attempts; doubled, with full jitter
_PAUSE_AT_THE_END = 0.2
_FAILURES_UNSAID = 3
EVENT_OVERHEAD = 600  # bytes an event takes in memory beside its text, counted towards queue_bytes

Post = Callable[[Sequence[bytes]], Meaning]


class Sender:
    """Takes from the queue, spools, posts, settles receipts."""

    def __init__(self, url: str, queue: IntakeQueue[RemoteReceipt], post: Post, folder: Path | None) -> None:
        """``post`` sends the texts of a batch; ``folder``: where to spool, None for not at all."""
        self._url = url
        self._queue = queue
        self._post = post
        self._folder = folder
        self._spool: Spool | None = None
        self._outbox = Outbox()
        self._most = _BATCH_EVENTS
        self._failures = 0
        self._said: str | None = None
        self._is_spool_broken = False
        self._stop = threading.Event()
        self._give_up_at = float("inf")
        threads = {"tracker-spooler": self._spool_all, "tracker-sender": self._send_all}
        self._threads = [threading.Thread(target=run, name=name, daemon=True) for name, run in threads.items()]
        self._open_spool()
        for thread in self._threads:
            thread.start()

    @property
    def is_away(self) -> bool:
        """Whether the server did not take the last batch."""
        return self._failures > 0

    def close(self, timeout: float) -> None:
        """Deliver what was queued within ``timeout`` seconds, and stop. The queue is closed already."""
        self._give_up_at = time.monotonic() + timeout
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout + 1)
        self._leave(self._outbox.rest())
        if self._spool is not None:
            self._spool.close()

    def disown(self) -> None:
        """In a forked child: threads, files and events are the parent's."""
        if self._spool is not None:
            self._spool.disown()

    def _open_spool(self) -> None:
        if self._folder is None:
            return
        try:
            self._spool = Spool(self._folder)
            for texts in self._spool.adopt():
                self._outbox.add([Adopted(text) for text in texts])
        except OSError as error:
            self._spool_failed(error)
        if len(self._outbox):
            _log.info("Delivering %d events to %s that an earlier process left", len(self._outbox), self._url)

    # The spooler's thread.

    def _spool_all(self) -> None:
        try:
            while taken := self._queue.take():
                if self._spool is not None:
                    self._spool_some(self._spool, taken)
                self._outbox.add(taken)
        finally:
            self._outbox.close()

    def _spool_some(self, spool: Spool, taken: list[RemoteReceipt]) -> None:
        try:
            spool.append([receipt.text for receipt in taken])
        except OSError as error:
            self._spool_failed(error)
            return
        for receipt in taken:
            receipt.spooled()
        if self._is_spool_broken:
            self._is_spool_broken = False
            _log.info("Events are spooled in %s again", self._folder)

    def _spool_failed(self, error: OSError) -> None:
        if not self._is_spool_broken:
            self._is_spool_broken = True
            _log.error(
                "Events cannot be spooled in %s (%s): what is not delivered when this process is killed is lost",
                self._folder,
                error.strerror or error,
            )

    # The sender's thread.

    def _send_all(self) -> None:
        while self._outbox.wait():
            batch = self._outbox.batch(self._most)
            self._most = _BATCH_EVENTS
            meaning = self._post([event.text for event in batch])
            if isinstance(meaning, Later):
                self._wait(meaning)
                if self._stop.is_set() and time.monotonic() >= self._give_up_at:
                    return
            else:
                self._came_through()
                self._settle(batch, meaning)

    def _settle(self, batch: list[Outgoing], meaning: Accepted | Refused | TooLarge) -> None:
        match meaning:
            case Accepted(places=places):
                self._done(batch)
                for event, place in zip(batch, places, strict=True):
                    if isinstance(event, RemoteReceipt):
                        event.recorded(place)
            case Refused(index=0, error=error):
                self._done(batch[:1])
                _refuse(batch[0], error)
            case Refused(index=index):
                # Nothing of the batch was recorded. What is before the refused one goes first, so that the order stays.
                self._most = index
            case TooLarge():
                self._most = max(1, len(batch) // 2)

    def _done(self, batch: Sequence[Outgoing]) -> None:
        # Out of the spool before anybody is told: who is told may end the process.
        self._outbox.remove(len(batch))
        if self._spool is not None:
            self._spool.delivered(sum(isinstance(event, Adopted) or event.is_spooled for event in batch))
        mine = [event for event in batch if isinstance(event, RemoteReceipt)]
        self._queue.release(len(mine), sum(event.size + EVENT_OVERHEAD for event in mine))

    def _wait(self, later: Later) -> None:
        self._failures += 1
        # One lost answer is nobody's business; a server that stays away is.
        if later.reason != self._said and (later.is_theirs or self._failures >= _FAILURES_UNSAID):
            self._said = later.reason
            _log.log(
                logging.ERROR if later.is_theirs else logging.WARNING,
                "Events are kept for %s until it takes them: %s",
                self._url,
                later.reason,
            )
        pause = random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failures))  # noqa: S311
        if later.seconds is not None:
            pause = max(pause, later.seconds)
        if not self._stop.wait(pause):
            return
        time.sleep(max(0.0, min(_PAUSE_AT_THE_END, self._give_up_at - time.monotonic())))

    def _came_through(self) -> None:
        if self._said is not None:
            _log.info("%s takes events again", self._url)
        self._said = None
        self._failures = 0

    def _leave(self, rest: Sequence[Outgoing]) -> None:
        kept = sum(isinstance(event, Adopted) or event.is_spooled for event in rest)
        if kept and self._spool is not None:
            _log.warning(
                "%d events are not delivered to %s yet: the next reporter to it delivers them from %s",
                kept,
                self._url,
                self._spool.folder,
            )
        lost = [event for event in rest if isinstance(event, RemoteReceipt) and not event.is_spooled]
        if lost:
            _log.error("%d events were not delivered to %s, and are lost", len(lost), self._url)
        for event in rest:
            if isinstance(event, RemoteReceipt):
                event.settle(RecorderClosed(_left(event, self._url)))


def _refuse(event: Outgoing, error: TrackerError) -> None:
    error.index = None
    if isinstance(event, RemoteReceipt):
        _log.warning("%s of job %r was not recorded: %s", event.event.type, event.event.job_id, error)
        event.settle(error)
    else:
        _log.warning("A spooled event was not recorded: %s", error)


def _left(event: RemoteReceipt, url: str) -> str:
    if event.is_spooled:
        return f"The reporter was closed before {url} took this event; it is spooled, and delivered by the next one."
    return f"The reporter was closed before {url} took this event; it was not recorded."
