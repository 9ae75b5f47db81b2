"""Writers for tests: a log in memory that commits, waits or fails as a test says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tracker.errors import JobNotFound
from tracker.events import RecordedEvent
from tracker.feed import Delivery
from tracker.filters import EVERYTHING, EventFilter
from tracker.intake_queue import IntakeQueue
from tracker.projection import Job
from tracker.recorder import OnCommit, QueueItem, Recorder
from tracker.store.base import Append, Committed, LogHead, Pruned, Writer
from tracker.store.draft import Draft

WAIT = 20.0  # seconds until a test that waits for something gives up


class MemoryWriter:
    """A :class:`tracker.store.base.Writer` on a list. ``batches`` counts the appends of each commit."""

    connections = 0

    def __init__(self) -> None:
        self.rows: list[RecordedEvent] = []
        self.jobs: dict[str, Job] = {}
        self.batches: list[int] = []
        self.settled = 0

    def append(self, appends: Sequence[Append]) -> Committed:
        draft = self._draft(appends)
        self._commit(draft, appends)
        return draft.committed()

    def settle(self) -> Committed | None:
        self.settled += 1
        return None

    def head(self) -> LogHead:
        return LogHead(len(self.rows), 0, "epoch")

    def load_job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise JobNotFound(job_id)
        return self.jobs[job_id]

    def active_jobs(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.status == "active"]

    def finished_jobs(self, since: int, limit: int) -> list[Job]:
        return []

    def read(self, after: int, limit: int) -> list[RecordedEvent]:
        return self.rows[after : after + limit]

    def newest_before(self, time: int) -> int | None:
        return max((row.recorded_at for row in self.rows if row.recorded_at <= time), default=None)

    def prune(self, finished_before: int, now: int, max_events: int) -> Pruned:
        return Pruned(jobs=0, events=0, done=True)

    def give_back(self, max_pages: int) -> int:
        return 0

    def begin_epoch(self, instead_of: str | None = None) -> LogHead:
        raise NotImplementedError

    def rebuild(self) -> int:
        return len(self.jobs)

    def close(self) -> None:
        pass

    def job(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    def is_pruned(self, job_id: str) -> bool:
        return False

    def first_event(self, job_id: str) -> RecordedEvent:
        return next(row for row in self.rows if row.job_id == job_id)

    def event_by_id(self, event_id: str) -> RecordedEvent | None:
        return next((row for row in self.rows if row.event_id == event_id), None)

    def _draft(self, appends: Sequence[Append]) -> Draft:
        draft = Draft(self, len(self.rows))
        for append in appends:
            draft.take(append)
        return draft

    def _commit(self, draft: Draft, appends: Sequence[Append]) -> None:
        self.batches.append(len(appends))
        self.rows.extend(draft.recorded)
        self.jobs.update(draft.jobs)


class GatedWriter(MemoryWriter):
    """Each append first reports that it was entered, then waits for the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def append(self, appends: Sequence[Append]) -> Committed:
        self.entered.set()
        assert self.gate.wait(WAIT)
        return super().append(appends)


class FailingWriter(MemoryWriter):
    """Raises what ``fails`` returns for an append; ``took_effect`` commits it all the same."""

    def __init__(
        self,
        fails: Callable[[Sequence[Append]], Exception | None],
        *,
        took_effect: bool = False,
        settle_failures: Sequence[Exception] = (),
    ) -> None:
        super().__init__()
        self.attempts = 0
        self._fails = fails
        self._took_effect = took_effect
        self._settle_failures = list(settle_failures)
        self._unknown: Committed | None = None

    def append(self, appends: Sequence[Append]) -> Committed:
        self.attempts += 1
        error = self._fails(appends)
        if error is None:
            return super().append(appends)
        if self._took_effect:
            self._unknown = super().append(appends)
        raise error

    def settle(self) -> Committed | None:
        super().settle()
        if self._settle_failures:
            raise self._settle_failures.pop(0)
        found, self._unknown = self._unknown, None
        return found


def until(condition: Callable[[], bool], patience: float = WAIT) -> None:
    """Let other threads run until the condition holds; ``patience`` in seconds."""
    gives_up = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < gives_up
        time.sleep(0.0005)


def ignore(_: list[RecordedEvent]) -> None:
    """A listener to commits that does nothing."""


@contextmanager
def recording(
    writer: Writer,
    *,
    capacity: int = 10_000,
    capacity_bytes: int = 2**26,
    queue_timeout: float = WAIT,
    batch_events: int = 2_000,
    on_commit: OnCommit = ignore,
    close_timeout: float = WAIT,
) -> Iterator[Recorder]:
    """A recorder on ``writer``, closed at the end."""
    queue = IntakeQueue[QueueItem](capacity, capacity_bytes, queue_timeout)
    recorder = Recorder(writer, queue, on_commit=on_commit, batch_events=batch_events)
    try:
        yield recorder
    finally:
        recorder.close(close_timeout)


def in_threads(*works: Callable[[], None], patience: float = WAIT) -> None:
    """Run each on a thread of its own, all begun together; raises what one of them raised. ``patience``: seconds."""
    barrier = threading.Barrier(len(works))
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            barrier.wait(WAIT)
            work()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


class Follower:
    """Takes everything, and sets ``complete`` at a position."""

    filter: EventFilter = EVERYTHING

    def __init__(self, until: int) -> None:
        self.positions: list[int] = []
        self.complete = asyncio.Event()
        self._until = until

    def offer(self, delivery: Delivery) -> bool:
        self.positions += [event.position for event in delivery.events]
        if delivery.last >= self._until:
            self.complete.set()
        return True
