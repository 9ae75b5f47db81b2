"""Calls from any thread become group commits on one thread.

Whatever waits when the recorder looks is committed as one transaction, up to a bound. While a commit is being synced
to the disk the next group gathers by itself, so a lone caller never waits for company and a crowd shares one sync.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from tracker.errors import RecorderClosed, StoreError, StoreUnavailable, TrackerError
from tracker.events import Event, RecordedEvent
from tracker.intake_queue import IntakeQueue
from tracker.receipt import Receipt
from tracker.refusals import RefusalLog
from tracker.store.base import Append, Committed, Writer
from tracker.times import now

_log = logging.getLogger("tracker")
_T = TypeVar("_T")
_LAST_SECONDS = 1.0  # for the transaction that is under way when nobody waits for the rest any more
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds between attempts while the store is unavailable
_EVENT_OVERHEAD = 600  # bytes an event takes in the queue beside its payload, counted towards queue_bytes
OnCommit: TypeAlias = Callable[[list[RecordedEvent]], None]
Timed: TypeAlias = Callable[[int, float], None]


def _untimed(_: int, __: float) -> None:
    pass


class EventRecorder(Protocol):
    """What those who serve clients use of a recorder; :class:`Recorder`, or a limited face of it."""

    @property
    def unavailable(self) -> StoreError | None:
        """Why the log cannot be written just now."""
        ...

    def record(self, *events: Event, patient: bool = True) -> Receipt:
        """See :meth:`Recorder.record`."""
        ...


class Answer(Generic[_T]):
    """What a question to the writer will return."""

    def __init__(self, ask: Callable[[Writer], _T]) -> None:
        self._ask = ask
        self.accepted_at = 0
        self._settled = threading.Event()
        self._value: _T
        self._error: BaseException | None = None

    def wait(self, timeout: float | None = None) -> _T:
        """The answer, or the error that the question raised; :class:`TimeoutError` after ``timeout`` seconds."""
        if not self._settled.wait(timeout):
            raise TimeoutError(f"No answer within {timeout:g} s: the log is busy.")
        if self._error is not None:
            raise self._error
        return self._value

    def answer(self, writer: Writer) -> None:
        """Ask. The recorder's thread."""
        try:
            self._value = self._ask(writer)
        except Exception as error:  # noqa: BLE001  # handed to whoever asked
            self._error = error
        self._settled.set()


class _Waiting(Receipt):
    """Events in the queue, and the receipt for them in one: a call makes no more objects than it must.

    ``patient``: they wait while the store is unavailable, else they are refused then.
    """

    __slots__ = ("accepted_at", "events", "patient", "size")

    def __init__(self, events: tuple[Event, ...], size: int, patient: bool) -> None:
        Receipt.__init__(self)
        self.events = events
        self.size = size
        self.patient = patient
        self.accepted_at = 0


QueueItem: TypeAlias = _Waiting | Answer[Any]


class Recorder:
    """The one thread that writes the log."""

    def __init__(
        self,
        writer: Writer,
        queue: IntakeQueue[QueueItem],
        *,
        on_commit: OnCommit,
        batch_events: int,
    ) -> None:
        """``on_commit`` is called on the recorder's thread with the new rows of each commit, after the commit."""
        self._writer = writer
        self._queue = queue
        self._on_commit = on_commit
        self._batch_events = batch_events
        self._refusals = RefusalLog()
        self._abandon = threading.Event()
        self._try_again_at = 0.0
        self._taken: deque[list[_Waiting] | Answer[Any]] = deque()  # from the queue, behind what is being written
        self._unavailable: StoreError | None = None  # why the last attempt failed
        self.timed: Timed = _untimed
        """Called after each commit, on the recorder's thread: how many events, and how many seconds it took."""
        self._writing_since: int | None = None
        self._late = 0  # events whose turn came when nobody waited any more
        self._has_ended = threading.Event()
        self._ending = threading.Lock()
        self._then: Callable[[], None] | None = None  # what gives up the log, until it was called
        threading.Thread(target=self._run, name="tracker-recorder", daemon=True).start()

    def record(self, *events: Event, patient: bool = True) -> Receipt:
        """Accept events for the log: all of them or none. Any thread.

        Returns before they are durable: wait on the receipt where that matters. Blocks only while the queue is full,
        and not even then if the caller is not patient.

        Args:
            events: One event, or several that belong together.
            patient: Wait as long as it takes while the store is unavailable (a full disk), and log a refusal, for
                callers that do not look at the receipt. Else be refused with :class:`StoreUnavailable` at once, for
                callers that pass the answer on.

        Raises:
            RecorderFull: If no room came free within ``queue_timeout`` seconds.
            RecorderClosed: If the recorder was closed.
            StoreUnavailable: If it is unavailable now, and the caller is not patient.
        """
        unavailable = self._unavailable
        if unavailable is not None and not patient and time.monotonic() < self._try_again_at:
            raise unavailable.with_traceback(None)
        size = _EVENT_OVERHEAD * len(events)
        for event in events:
            size += len(event.payload)
        waiting = _Waiting(events, size, patient)
        self._queue.put(waiting, len(events), size, wait=patient)
        return waiting

    def ask(self, question: Callable[[Writer], _T]) -> _T:
        """Ask the writer something, in turn behind everything that was recorded before. Any thread; waits."""
        answer = Answer(question)
        self._queue.put(answer, 1, 0)
        return answer.wait()

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything that was accepted before is durable or refused.

        Raises:
            TimeoutError: If that takes longer than ``timeout`` seconds.
        """
        answer = Answer[None](lambda _: None)
        self._queue.put(answer, 1, 0)
        answer.wait(timeout)

    @property
    def unavailable(self) -> StoreError | None:
        """Why the log cannot be written just now.

        None also where that was found a second ago and nothing waits: nobody tries then but the next caller, and who
        sends callers to a server that is ready would send none.
        """
        is_known = self._queue.depth > 0 or time.monotonic() < self._try_again_at
        return self._unavailable if is_known else None

    @property
    def depth(self) -> int:
        """Events accepted and not yet durable."""
        return self._queue.depth

    @property
    def depth_bytes(self) -> int:
        """What these take in the queue, as ``queue_bytes`` counts."""
        return self._queue.depth_bytes

    @property
    def oldest_seconds(self) -> float:
        """For how long the event waits that waits the longest; 0 where none does. Any thread."""
        since = self._writing_since
        if since is None:
            since = self._queue.oldest_accepted_at
        return 0.0 if since is None else max(0, now() - since) / 1_000_000

    def close(self, timeout: float = 5.0, then: Callable[[], None] | None = None) -> None:
        """Write what was accepted, stop, and ``then`` give up the log. Any thread; again is harmless.

        What cannot be written within ``timeout`` seconds is refused and logged. Ctrl-C is raised when that is done;
        the second one does not wait for it. If the last transaction takes more than a second longer, this returns
        without it: the recorder's thread gives up the log when it has ended, never before.
        """
        with self._ending:
            self._then = self._then or then
        self._queue.close("The tracker is closed and records no more events.")
        try:
            self._wait_for_end(timeout)
        finally:
            self._abandon.set()
            self._part()

    def disown(self) -> None:
        """In a forked child: the log belongs to the parent, whose thread is not here."""
        # Their locks are as the parent's threads held them.
        self._has_ended, self._ending, self._then = threading.Event(), threading.Lock(), None
        self._has_ended.set()
        self._queue.disown(
            "This reporter belongs to the process that was forked: make a new one in the child, "
            "or report to the parent over HTTP."
        )

    def _wait_for_end(self, timeout: float) -> None:
        # Not by joining the thread: a join that is interrupted takes it for ended, though it is not (bpo-45274).
        until = time.monotonic() + timeout
        try:
            self._has_ended.wait(timeout)
        except KeyboardInterrupt:
            _log.warning("Writing what was accepted, for %g s at most. Ctrl-C again does not wait for it", timeout)
            self._has_ended.wait(max(0.0, until - time.monotonic()))
            raise

    def _part(self) -> None:
        has_ended = False
        try:
            has_ended = self._has_ended.wait(_LAST_SECONDS)
        finally:
            if has_ended:
                self._give_up_log()
            else:
                _log.error("The log does not answer: %d accepted events may not be recorded", self.depth)

    def _give_up_log(self) -> None:
        with self._ending:
            then, self._then = self._then, None
        if then is not None:
            then()

    def _run(self) -> None:
        self._write_all()
        if self._late:
            _log.error("%d events were not recorded: the tracker was closed before their turn came", self._late)
        try:
            self._give_up_log()
        except Exception:  # noqa: BLE001  # nobody else is here to be told
            _log.exception("Giving up the log failed")
        self._has_ended.set()

    def _write_all(self) -> None:
        while items := self._queue.take():
            self._writing_since = items[0].accepted_at
            self._taken.extend(_groups(items, self._batch_events))
            while self._taken:
                group = self._taken.popleft()
                if isinstance(group, Answer):
                    group.answer(self._writer)
                    self._queue.release(1, 0)
                else:
                    self._commit(group)
            self._writing_since = None
            # The thread waits in take() next, perhaps for hours: it must not hold on to what is done.
            del items, group

    def _commit(self, group: list[_Waiting]) -> None:
        count, size = _room(group)
        try:
            if self._abandon.is_set():
                self._come_too_late(group)
            else:
                self._write(group)
        except Exception as error:  # noqa: BLE001
            # A defect of ours. The thread must go on: everybody else's events depend on it.
            _log.exception("%d events were not recorded", count)
            self._refuse(group, StoreError(f"The tracker failed: {error!r}. It was logged."))
        self._queue.release(count, size)

    def _come_too_late(self, group: list[_Waiting]) -> None:
        late = RecorderClosed("The tracker was closed before this was written: it is not recorded.")
        for waiting in group:
            self._late += len(waiting.events)
            waiting.settle(self._unavailable or late)

    def _write(self, group: list[_Waiting]) -> None:
        pause = _FIRST_PAUSE
        while group:
            begun = time.perf_counter()
            try:
                committed: Committed | None = self._writer.append(
                    [Append(waiting.events, waiting.accepted_at) for waiting in group]
                )
                self.timed(len(group), time.perf_counter() - begun)
            except StoreError as error:
                committed = self._settled(error)
                if committed is None:
                    group = self._wanted_still(group, error)
                    if group:
                        self._refuse_those_behind(error)
                    self._abandon.wait(pause if group else 0)
                    pause = min(2 * pause, _LONGEST_PAUSE)
            if committed is not None:
                self._acknowledge(group, committed)
                return

    def _acknowledge(self, group: list[_Waiting], committed: Committed) -> None:
        self._unavailable = None
        for waiting, outcome in zip(group, committed.outcomes, strict=True):
            if waiting.patient and isinstance(outcome, TrackerError):
                self._refusals.refused(waiting.events[outcome.index or 0], outcome)
            waiting.settle(outcome)
        if committed.recorded:
            try:
                self._on_commit(committed.recorded)
            except Exception:  # noqa: BLE001  # what is committed stays committed
                _log.exception("Telling the readers of a commit failed; they read it from the log")

    def _settled(self, error: StoreError) -> Committed | None:
        """What a failed append committed after all. Tries until that is known, or the recorder is abandoned."""
        self._note_unavailable(error)
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._writer.settle()
            except StoreError as again:
                self._note_unavailable(again)
                if self._abandon.wait(pause):
                    return None
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _wanted_still(self, group: list[_Waiting], error: StoreError) -> list[_Waiting]:
        """What of a group that was not committed is to be tried again; the rest is refused."""
        if self._abandon.is_set():
            _log.error("%d events were not recorded: %s", len(group), error)
            self._refuse(group, error)
            return []
        if not isinstance(error, StoreUnavailable):
            if len(group) == 1:
                self._refuse(group, error)
            else:
                # One of them is what the database will not take; the others must not pay for it.
                for waiting in group:
                    self._write([waiting])
            return []
        self._refuse([waiting for waiting in group if not waiting.patient], error)
        return [waiting for waiting in group if waiting.patient]

    def _refuse_those_behind(self, error: StoreError) -> None:
        """Who is not patient is told now, and not when it is his turn: the log is tried for others, who are."""
        behind = [group for group in self._taken if isinstance(group, list)]
        impatient = [waiting for group in behind for waiting in group if not waiting.patient]
        for group in behind:
            group[:] = [waiting for waiting in group if waiting.patient]
        impatient += cast("list[_Waiting]", self._queue.withdraw(_is_impatient))
        if impatient:
            self._refuse(impatient, error)
            self._queue.release(*_room(impatient))

    def _refuse(self, group: list[_Waiting], error: StoreError) -> None:
        for waiting in group:
            if waiting.patient:
                self._refusals.refused(waiting.events[0], error)
            waiting.settle(error)

    def _note_unavailable(self, error: StoreError) -> None:
        if self._unavailable is None:
            _log.error("%s (%d events wait)", error, self.depth)
        self._try_again_at = time.monotonic() + 2 * _LONGEST_PAUSE
        self._unavailable = error


def _is_impatient(item: QueueItem) -> bool:
    return isinstance(item, _Waiting) and not item.patient


def _room(group: list[_Waiting]) -> tuple[int, int]:
    """Events, and bytes in the queue."""
    return sum(len(waiting.events) for waiting in group), sum(waiting.size for waiting in group)


def _groups(items: list[QueueItem], batch_events: int) -> Iterator[list[_Waiting] | Answer[Any]]:
    group: list[_Waiting] = []
    count = 0
    for item in items:
        if isinstance(item, Answer) or count >= batch_events:
            if group:
                yield group
            group, count = [], 0
        if isinstance(item, Answer):
            yield item
        else:
            group.append(item)
            count += len(item.events)
    if group:
        yield group
