"""What a draft needs to know of the log, fetched once a batch and not once an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select

from tracker.events import Event, JobStarted, RecordedEvent
from tracker.projection import Job
from tracker.store import rows, statements

_CHUNK = 500  # ids a statement: below every driver's limit on bound parameters
_CACHED_JOBS = 10_000


class JobCache:
    """States of jobs as committed, kept by the log's only writer: at most 10,000, the least recently written go."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def get(self, job_id: str) -> Job | None:
        """The state, if it is kept."""
        return self._jobs.get(job_id)

    def update(self, jobs: dict[str, Job]) -> None:
        """Take over what a commit wrote."""
        for job_id, job in jobs.items():
            self._jobs.pop(job_id, None)
            self._jobs[job_id] = job
        for job_id in list(islice(self._jobs, max(0, len(self._jobs) - _CACHED_JOBS))):
            del self._jobs[job_id]

    def clear(self) -> None:
        """Forget everything: the jobs were changed by other means than appending."""
        self._jobs.clear()


class Lookups:
    """The state of every job and event that a batch touches, read in the batch's own transaction."""

    def __init__(self, connection: Connection, cache: JobCache, events: Sequence[Event | RecordedEvent]) -> None:
        self._connection = connection
        wanted = {event.job_id for event in events}
        self._jobs = self._states(wanted, cache)
        unknown = wanted - self._jobs.keys()
        self._pruned = {row[0] for row in self._fetch(statements.PRUNED_IDS, "job_ids", unknown)}
        event_ids = {event.event_id for event in events if event.event_id is not None}
        recorded = self._fetch(statements.EVENTS_BY_EVENT_ID, "event_ids", event_ids)
        self._by_event_id = {event.event_id: event for event in map(rows.recorded_event, recorded)}
        again = {event.job_id for event in events if event.type == JobStarted.type and self.job(event.job_id)}
        first = map(rows.recorded_event, self._fetch(statements.FIRST_EVENTS, "job_ids", again))
        self._first = {event.job_id: event for event in first}

    def job(self, job_id: str) -> Job | None:
        """See :class:`tracker.store.draft.Lookup`."""
        return self._jobs.get(job_id)

    @property
    def newest_start(self) -> int:
        """The highest ``started_position`` of the jobs; 0 without any. A draft begins there, or above."""
        return max((job.started_position for job in self._jobs.values()), default=0)

    def is_pruned(self, job_id: str) -> bool:
        """See :class:`tracker.store.draft.Lookup`."""
        return job_id in self._pruned

    def first_event(self, job_id: str) -> RecordedEvent:
        """See :class:`tracker.store.draft.Lookup`."""
        return self._first[job_id]

    def event_by_id(self, event_id: str) -> RecordedEvent | None:
        """See :class:`tracker.store.draft.Lookup`."""
        return self._by_event_id.get(event_id)

    def _states(self, job_ids: set[str], cache: JobCache) -> dict[str, Job]:
        """The jobs that there are."""
        known = {job_id: job for job_id in job_ids if (job := cache.get(job_id)) is not None}
        for (state,) in self._fetch(statements.JOB_STATES, "job_ids", job_ids - known.keys()):
            job = rows.job(state)
            known[job.job_id] = job
        return known

    def _fetch(self, statement: Select[Any], name: str, ids: Set[str]) -> Iterable[Any]:
        return self._fetch_chunks(statement, name, ids) if ids else ()

    def _fetch_chunks(self, statement: Select[Any], name: str, ids: Set[str]) -> Iterator[Any]:
        remaining = iter(sorted(ids))
        while chunk := list(islice(remaining, _CHUNK)):
            yield from self._connection.execute(statement, {name: chunk})
