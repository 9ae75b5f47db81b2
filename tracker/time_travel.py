"""Jobs as they were: folded from the log up to a moment of it, by the same ``apply`` that folded them as they are."""

from __future__ import annotations

from msgspec import Struct

from tracker.errors import InvalidQuery, JobNotFound, TrackerError
from tracker.job_query import NEWEST_FIRST, AsOf, JobQuery, Place
from tracker.projection import Job
from tracker.quick_fold import quick_fold
from tracker.store.base import Reader
from tracker.times import iso

# A page of a job's life: some megabytes, and a few milliseconds of the event loop to fold.
_EVENTS_AT_ONCE = 10_000


class HistoryPruned(TrackerError):
    """A moment below the horizon: events up to it were pruned, and what they told is not known any more."""

    code = "history_pruned"
    public_fields = ("as_of", "horizon")

    def __init__(self, as_of: int, horizon: int) -> None:
        super().__init__(
            f"as_of: the log as of position {as_of} is not known any more: events up to {horizon} were pruned."
        )
        self.as_of = as_of
        self.horizon = horizon


class Moment(Struct, frozen=True):
    """The log up to ``position``, and the ``time`` it was then (microseconds UTC): what elapsed seconds run to."""

    position: int
    time: int


async def find_moment(reader: Reader, as_of: AsOf, now: int) -> Moment:
    """The moment that is meant; ``now`` in microseconds UTC.

    A position's time is that of the last event up to it. A time's position is a place where the log passed it: the
    last event up to there was recorded at or before that time, the next one after it. Of a clock that only goes
    forward there is one. One that was set back may pass a time more than once, and then it is one of these places.

    Raises:
        InvalidQuery: If it is beyond the log's end, or in the future.
        HistoryPruned: If it is below the horizon.
    """
    head = await reader.head()
    if as_of.position is not None:
        if as_of.position > head.position:
            raise InvalidQuery("as_of", as_of.position, f"is beyond the log, which ends at position {head.position}")
        moment = Moment(as_of.position, await reader.recorded_at(as_of.position) or now)
    else:
        moment = await _at_time(reader, as_of.time or 0, now)
    if moment.position < head.horizon:
        raise HistoryPruned(moment.position, head.horizon)
    return moment


async def job_at(reader: Reader, job_id: str, position: int) -> Job:
    """The job as it was when the log ended at ``position``.

    Raises:
        JobNotFound: If it had not started then.
        JobPruned: If it was removed since.
    """
    job = await reader.load_job(job_id)
    then = await _as_it_was(reader, job, position)
    if then is None:
        raise JobNotFound(job_id)
    return then


async def jobs_at(reader: Reader, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
    """The first ``limit`` jobs behind ``after`` as they were at the query's ``as_of``; pruned jobs are not there.

    Only jobs that have changed since are folded: those that were active then.

    Raises:
        InvalidQuery: If the jobs are to be sorted by what has changed since.
    """
    check_sort(query)
    found: list[Job] = []
    while len(found) < limit:
        page = await reader.find_jobs(query, after, limit)
        found += [job for job in await _as_they_were(reader, page, query) if job is not None]
        if len(page) < limit:
            break
        after = query.place(page[-1])
    return found[:limit]


def check_sort(query: JobQuery) -> None:
    """Demand an order that holds at every moment, else raise :class:`InvalidQuery`."""
    if query.sort.removeprefix("-") != NEWEST_FIRST.removeprefix("-"):
        raise InvalidQuery("sort", query.sort, "must be started or -started together with as_of")


async def _at_time(reader: Reader, time: int, now: int) -> Moment:
    if time > now:
        raise InvalidQuery("as_of", iso(time), "is in the future")
    return Moment(await reader.position_at(time), time)


async def _as_they_were(reader: Reader, page: list[Job], query: JobQuery) -> list[Job | None]:
    position = query.as_of or 0
    return [
        then
        for job in page
        if (then := await _as_it_was(reader, job, position)) is job or (then is not None and query.matches_state(then))
    ]


async def _as_it_was(reader: Reader, job: Job, position: int) -> Job | None:
    if job.position <= position:
        return job
    then: Job | None = None
    after = 0
    while page := await reader.job_life(job.job_id, after, _EVENTS_AT_ONCE):
        if page[-1].position > position:
            return quick_fold([event for event in page if event.position <= position], then)
        then = quick_fold(page, then)
        after = page[-1].sequence
    return then
