"""A transaction being drafted: which events are taken, with which positions, and what becomes of the jobs.

Everything is decided here in memory, from what the writer has looked up, before a single row is written. A refused
:class:`Append` leaves no trace.
"""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from tracker.admission import admit, settle_repeat
from tracker.errors import InvalidEvent, JobPruned, TrackerError
from tracker.events import Event, JobStarted, RecordedEvent
from tracker.projection import Job, apply_fact
from tracker.store.base import Append, Committed, Outcome


class Lookup(Protocol):
    """What a draft asks of the log, inside its transaction."""

    def job(self, job_id: str) -> Job | None:
        """The job's state before this transaction."""
        ...

    def is_pruned(self, job_id: str) -> bool:
        """Whether the job has a tombstone."""
        ...

    def first_event(self, job_id: str) -> RecordedEvent:
        """The ``job_started`` of a job that exists."""
        ...

    def event_by_id(self, event_id: str) -> RecordedEvent | None:
        """The event recorded under this id."""
        ...


class Draft:
    """Appends taken in order, on top of a log whose last position is ``base``."""

    def __init__(self, lookup: Lookup, base: int) -> None:
        self._lookup = lookup
        self._base = base
        self._by_event_id: dict[str, RecordedEvent] = {}
        self.recorded: list[RecordedEvent] = []
        self.states: list[Job] = []  # of its job, after each of the recorded
        self.jobs: dict[str, Job] = {}
        self.outcomes: list[Outcome] = []

    def take(self, append: Append) -> None:
        """Take all events of an append, or none."""
        if len(append.events) == 1:
            self.outcomes.append(self._take_one(append.events[0], append.accepted_at))
        else:
            self.outcomes.append(self._take_all(append))

    def committed(self) -> Committed:
        """What the transaction does once it is committed."""
        return Committed(self.recorded, self.outcomes)

    def rebase(self, base: int) -> None:
        """Shift every new position: another node wrote since the draft was begun."""
        shift = base - self._base
        if shift == 0:
            return
        moved = {id(event): replace(event, position=event.position + shift) for event in self.recorded}
        self.recorded = list(moved.values())
        self.outcomes = [
            outcome if isinstance(outcome, TrackerError) else tuple(moved.get(id(event), event) for event in outcome)
            for outcome in self.outcomes
        ]
        self.jobs = {job_id: _moved(job, self._base, shift) for job_id, job in self.jobs.items()}
        self._base = base

    def _take_all(self, append: Append) -> Outcome:
        count, jobs, ids = len(self.recorded), dict(self.jobs), dict(self._by_event_id)
        taken: list[RecordedEvent] = []
        for index, event in enumerate(append.events):
            outcome = self._take_one(event, append.accepted_at)
            if isinstance(outcome, TrackerError):
                del self.recorded[count:], self.states[count:]
                self.jobs, self._by_event_id = jobs, ids
                outcome.add_note(f"event {index} of the list")
                outcome.index = index
                return outcome
            taken.extend(outcome)
        return tuple(taken)

    def _take_one(self, event: Event, accepted_at: int) -> Outcome:
        try:
            return (self._record(event, accepted_at),)
        except TrackerError as refusal:
            return refusal.with_traceback(None)

    def _record(self, event: Event, accepted_at: int) -> RecordedEvent:
        job = self._job(event.job_id)
        earlier = self._earlier(job, event)
        if earlier is not None:
            return settle_repeat(earlier, event)
        if job is None and self._lookup.is_pruned(event.job_id):
            raise JobPruned(event.job_id)
        payload, fact = admit(job, event, accepted_at)
        recorded = RecordedEvent(
            self._base + len(self.recorded) + 1,
            event.job_id,
            job.sequence + 1 if job is not None else 1,
            event.type,
            accepted_at,
            event.event_id,
            payload,
        )
        after = apply_fact(job, recorded, fact)
        if after is None:
            raise InvalidEvent("type", event.type, "does not begin a job")
        self.recorded.append(recorded)
        self.states.append(after)
        self.jobs[event.job_id] = after
        if event.event_id is not None:
            self._by_event_id[event.event_id] = recorded
        return recorded

    def _job(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id) or self._lookup.job(job_id)

    def _earlier(self, job: Job | None, event: Event) -> RecordedEvent | None:
        if event.event_id is not None:
            earlier = self._by_event_id.get(event.event_id) or self._lookup.event_by_id(event.event_id)
            if earlier is not None:
                return earlier
        if job is None or event.type != JobStarted.type:
            return None
        if job.started_position > self._base:
            return self.recorded[job.started_position - self._base - 1]
        return self._lookup.first_event(event.job_id)


def _moved(job: Job, base: int, shift: int) -> Job:
    started = job.started_position
    return replace(
        job,
        position=job.position + shift,
        started_position=started + shift if started > base else started,
    )
