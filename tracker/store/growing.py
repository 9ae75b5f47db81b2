"""A job while a transaction is drafted: progress in the stage it is in is folded once, and not event by event."""

from __future__ import annotations

from msgspec.structs import replace

from tracker.admission import photo_id_first, with_photo_id
from tracker.events import RecordedEvent
from tracker.projection import Job, apply, open_stage


class GrowingJob:
    """See the module. ``sequence`` is that of its last event, ``open_stage`` the stage it is in, if it takes progress.

    ``job`` is as of the last event that was folded; ``has_turned`` whether it took more than such progress.
    """

    __slots__ = ("_begin", "_photo_id", "_told", "has_turned", "job", "open_stage", "sequence")

    def __init__(self, job: Job | None) -> None:
        self._begin = 0 if job is None else job.sequence
        self.become(job)
        self.has_turned = False

    def become(self, job: Job | None) -> None:
        """It is this job now, in the place of :meth:`settled`."""
        self.job = job
        self.has_turned = True
        self.sequence = 0 if job is None else job.sequence
        self.open_stage = open_stage(job)
        self._photo_id = None if job is None else photo_id_first(job.photo_id)
        self._told: RecordedEvent | None = None

    @property
    def has_grown(self) -> bool:
        """Whether it took an event."""
        return self.sequence > self._begin

    def with_photo_id(self, payload: str) -> str:
        """A payload as the log keeps it."""
        return payload if self._photo_id is None else with_photo_id(payload, self._photo_id)

    def tell(self, progress: RecordedEvent) -> None:
        """Take progress in the open stage: of what it says, only the last is seen in the job."""
        self._told = progress
        self.sequence = progress.sequence

    def settled(self) -> Job | None:
        """The job after all it took."""
        told, self._told = self._told, None
        if told is not None and self.job is not None:
            self.job = apply(replace(self.job, sequence=told.sequence - 1), told)
        return self.job

    def move(self, base: int, shift: int) -> None:
        """Shift the positions above ``base``, at which the draft began."""
        job = self.settled()
        if job is None or not self.has_grown:
            return
        started = job.started_position
        self.job = replace(
            job,
            position=job.position + shift,
            started_position=started + shift if started > base else started,
        )
