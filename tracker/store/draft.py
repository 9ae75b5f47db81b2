"""A transaction being drafted: which events are taken, with which positions, and what becomes of the jobs.

Everything is decided here in memory, from what the writer has looked up, before a single row is written. A refused
:class:`Append` leaves no trace.
"""

from __future__ import annotations

from copy import copy
from typing import Protocol

from msgspec.structs import replace

from tracker.admission import admit, settle_repeat
from tracker.errors import InvalidEvent, JobPruned, TrackerError
from tracker.events import Event, JobStarted, ProgressUpdated, RecordedEvent
from tracker.projection import Job, apply_fact
from tracker.store.base import Append, Committed, Outcome
from tracker.store.growing import GrowingJob


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
        self._growing: dict[str, GrowingJob] = {}
        self.recorded: list[RecordedEvent] = []
        self.turns: list[tuple[RecordedEvent, Job]] = []  # the recorded that are more than progress, the job after each
        self.outcomes: list[Outcome] = []

    @property
    def jobs(self) -> dict[str, Job]:
        """The jobs that the recorded events changed, after the last of them."""
        changed = [growing.settled() for growing in self._growing.values() if growing.has_grown]
        return {job.job_id: job for job in changed if job is not None}

    @property
    def steady(self) -> set[str]:
        """The ids of the jobs that took progress in the stage they were in, and nothing else."""
        return {job_id for job_id, growing in self._growing.items() if not growing.has_turned}

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
        for growing in self._growing.values():
            growing.move(self._base, shift)
        moved = {id(event): replace(event, position=event.position + shift) for event in self.recorded}
        self.recorded = list(moved.values())
        self.turns = [(moved[id(event)], job) for event, job in self.turns]
        self._by_event_id = {name: moved.get(id(event), event) for name, event in self._by_event_id.items()}
        self.outcomes = [
            outcome if isinstance(outcome, TrackerError) else tuple(moved.get(id(event), event) for event in outcome)
            for outcome in self.outcomes
        ]
        self._base = base

    def _take_all(self, append: Append) -> Outcome:
        count, turns = len(self.recorded), len(self.turns)
        before = {event.job_id: copy(self._growing.get(event.job_id)) for event in append.events}
        taken: list[RecordedEvent] = []
        for index, event in enumerate(append.events):
            outcome = self._take_one(event, append.accepted_at)
            if isinstance(outcome, TrackerError):
                self._forget(count, turns, before)
                outcome.add_note(f"event {index} of the list")
                outcome.index = index
                return outcome
            taken.extend(outcome)
        return tuple(taken)

    def _forget(self, count: int, turns: int, before: dict[str, GrowingJob | None]) -> None:
        """Undo what an append did up to the event that was refused."""
        for event in self.recorded[count:]:
            self._by_event_id.pop(event.event_id or "", None)
        del self.recorded[count:], self.turns[turns:]
        for job_id, growing in before.items():
            if growing is not None:
                self._growing[job_id] = growing
            else:
                self._growing.pop(job_id, None)

    def _take_one(self, event: Event, accepted_at: int) -> Outcome:
        try:
            return (self._record(event, accepted_at),)
        except TrackerError as refusal:
            return refusal.with_traceback(None)

    def _record(self, event: Event, accepted_at: int) -> RecordedEvent:
        growing = self._growing.get(event.job_id) or self._enter(event.job_id)
        earlier = self._earlier(growing, event)
        if earlier is not None:
            return settle_repeat(earlier, event)
        if event.stage is not None and event.stage == growing.open_stage:
            # Progress where the job is already, which is most of what happens: admitted before, and folded later.
            recorded = self._recorded(growing, event, accepted_at, growing.with_photo_id(event.payload))
            growing.tell(recorded)
        else:
            recorded = self._turn(growing, event, accepted_at)
        self.recorded.append(recorded)
        if event.event_id is not None:
            self._by_event_id[event.event_id] = recorded
        return recorded

    def _turn(self, growing: GrowingJob, event: Event, accepted_at: int) -> RecordedEvent:
        job = growing.settled()
        if job is None and self._lookup.is_pruned(event.job_id):
            raise JobPruned(event.job_id)
        payload, fact = admit(job, event, accepted_at)
        recorded = self._recorded(growing, event, accepted_at, payload)
        after = apply_fact(job, recorded, fact)
        if after is None:
            raise InvalidEvent("type", event.type, "does not begin a job")
        growing.become(after)
        if event.type != ProgressUpdated.type:
            self.turns.append((recorded, after))
        return recorded

    def _recorded(self, growing: GrowingJob, event: Event, accepted_at: int, payload: str) -> RecordedEvent:
        return RecordedEvent(
            self._base + len(self.recorded) + 1,
            event.job_id,
            growing.sequence + 1,
            event.type,
            accepted_at,
            event.event_id,
            payload,
        )

    def _enter(self, job_id: str) -> GrowingJob:
        growing = self._growing[job_id] = GrowingJob(self._lookup.job(job_id))
        return growing

    def _earlier(self, growing: GrowingJob, event: Event) -> RecordedEvent | None:
        if event.event_id is not None:
            earlier = self._by_event_id.get(event.event_id) or self._lookup.event_by_id(event.event_id)
            if earlier is not None:
                return earlier
        job = growing.job
        if event.type != JobStarted.type or job is None:
            return None
        if job.started_position > self._base:
            return self.recorded[job.started_position - self._base - 1]
        return self._lookup.first_event(event.job_id)
