"""Taking events over as they are: the one way into a log past the recorder, into an empty one or on with the same copy.

Positions, sequences and times are the export's, and so they are checked here, with everything that is checked when an
event is recorded. All of it is one transaction: what fails leaves the log as it was, also when the process is killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import astuple, replace
from sqlalchemy import Connection, insert

from tracker.admission import admit
from tracker.errors import DuplicateEvent, InvalidEvent, JobExists, JobPruned, LogNotEmpty, TrackerError
from tracker.events import Event, JobStarted, RecordedEvent
from tracker.projection import Job, apply_fact
from tracker.statistics import Key, counted
from tracker.store import rows, statements
from tracker.store.base import LogHead, Tombstone
from tracker.store.bulk import Bulk
from tracker.store.job_texts import JobTexts
from tracker.store.lookups import JobCache, Lookups
from tracker.store.statistics_table import StatisticsTable
from tracker.store.tables import tombstones
from tracker.upcasting import upcast


class Loading:
    """A transaction that fills a log. Memory does not grow with it: jobs are looked up where not at hand."""

    def __init__(
        self,
        connection: Connection,
        insert_events: Bulk,
        upsert_jobs: Bulk,
        texts: JobTexts,
        statistics: StatisticsTable,
    ) -> None:
        self._connection = connection
        self._insert_events = insert_events
        self._upsert_jobs = upsert_jobs
        self._texts = texts
        self._statistics = statistics
        self._cache = JobCache()

    def head(self) -> LogHead:
        """The ends of the log as it is."""
        return rows.log_head(self._connection.execute(statements.HEAD).one())

    def demand_room(self, place: str, resumes: str | None) -> None:
        """Raise :class:`LogNotEmpty` unless nothing was ever recorded, or the log's epoch is ``resumes``."""
        head = self.head()
        if head.position and head.epoch != resumes:
            raise LogNotEmpty(place)

    def add(self, events: Sequence[RecordedEvent]) -> None:
        """Take over events, in order of position, their payloads as they are.

        Raises:
            TrackerError: What recording it would raise; ``index`` says of which event.
        """
        batch = _Batch(Lookups(self._connection, self._cache, events))
        for index, event in enumerate(events):
            try:
                batch.take(event)
            except TrackerError as refusal:
                refusal.index = index
                raise
        self._insert_events.execute(self._connection, list(map(astuple, events)))
        self._upsert_jobs.execute(self._connection, [rows.job_row(job) for job in batch.jobs.values()])
        self._texts.write_changed(self._connection, events, batch.jobs)
        self._statistics.add(self._connection, batch.counters)
        self._cache.update(batch.jobs)

    def bury(self, pruned: Sequence[Tombstone]) -> None:
        """Take over tombstones of at most 1,000 jobs that have no events.

        Raises:
            JobExists: If one has.
            JobPruned: If one is there already.
        """
        if not pruned:
            return
        ids = [job_id for job_id, _, _ in pruned]
        buried = self._connection.execute(statements.PRUNED_IDS, {"job_ids": ids}).scalar()
        if buried is not None or len(set(ids)) < len(ids):
            raise JobPruned(buried or max(ids, key=ids.count))
        self._connection.execute(
            insert(tombstones),
            [{"job_id": job_id, "pruned_at": at, "last_position": last, "emptied": 1} for job_id, at, last in pruned],
        )
        living = self._connection.execute(statements.JOB_STATES, {"job_ids": ids}).scalar()
        if living is not None:
            raise JobExists(rows.job(living).job_id)

    def unburied(self, pruned: Sequence[Tombstone]) -> list[Tombstone]:
        """Those of at most 1,000 that the log does not have."""
        ids = [job_id for job_id, _, _ in pruned]
        there = set(self._connection.execute(statements.PRUNED_IDS, {"job_ids": ids}).scalars())
        return [one for one in pruned if one[0] not in there]

    def finish(self, head: LogHead) -> None:
        """Set the ends of the log, and its epoch."""
        ends = {"to": head.position, "at_horizon": head.horizon, "as_epoch": head.epoch}
        self._connection.execute(statements.SET_HEAD, ends)


class _Batch:
    def __init__(self, lookup: Lookups) -> None:
        self._lookup = lookup
        self._event_ids: set[str] = set()
        self.jobs: dict[str, Job] = {}
        self.counters: Counter[Key] = Counter()

    def take(self, event: RecordedEvent) -> None:
        job = self.jobs.get(event.job_id) or self._lookup.job(event.job_id)
        self._check_place(job, event)
        today = replace(event, payload=upcast(event.type, event.payload))
        reported = Event(today.job_id, today.type, today.payload, today.event_id)
        _, fact = admit(job, reported, event.recorded_at)
        after = apply_fact(job, today, fact)
        if after is None:
            raise InvalidEvent("type", event.type, "does not begin a job")
        self.jobs[event.job_id] = after
        self.counters.update(counted(today, after))

    def _check_place(self, job: Job | None, event: RecordedEvent) -> None:
        if event.event_id is not None:
            if event.event_id in self._event_ids or self._lookup.event_by_id(event.event_id):
                raise DuplicateEvent(event.event_id)
            self._event_ids.add(event.event_id)
        if self._lookup.is_pruned(event.job_id):
            raise JobPruned(event.job_id)
        if job is not None and event.type == JobStarted.type:
            raise JobExists(event.job_id)
        expected = 1 if job is None else job.sequence + 1
        if event.sequence != expected:
            raise InvalidEvent("sequence", event.sequence, f"must be {expected} here")
