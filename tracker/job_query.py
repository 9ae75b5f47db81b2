"""What is asked of the list of jobs, checked: the same over HTTP and on the command line. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.json_values import MAX_INTEGER
from tracker.projection import Job, JobStatus
from tracker.times import A_ZONED_TIME, EPOCH, since_epoch, zoned_time

Sort: TypeAlias = Literal[
    "started", "-started", "updated", "-updated", "completed", "-completed", "duration", "-duration"
]
NEWEST_FIRST: Sort = "-started"
# The latest errors first; what is beyond is not searched.
SEARCHED_CHARACTERS = 4000
_PIECE_CHARACTERS = 1000
_MAX_TEXT = 200
_LAST_YEAR = 9998


class Place(Struct, frozen=True):
    """Where a page ended: the last job's value in the order of the list, and its ``started_position``."""

    value: float
    started_position: int


class AsOf(Struct, frozen=True):
    """The end of the log as it was: a ``position``, or a ``time`` in microseconds UTC."""

    position: int | None = None
    time: int | None = None


class JobQuery(Struct, frozen=True, kw_only=True):
    """Jobs that pass every filter; None passes all.

    ``since`` (inclusive) and ``until`` (exclusive) bound the time of the start, in microseconds UTC. ``stage`` is the
    current one. ``text`` is folded (:func:`folded`). ``error_type``: of one of the errors that the job's status has.
    ``sort``: with a minus descending; by ``completed`` and ``duration`` only finished jobs are listed. ``as_of``: as
    the log was up to this position. ``job_prefixes``: only jobs whose id begins with one of these; empty for all.
    """

    status: JobStatus | None = None
    stage: str | None = None
    photo_id: str | None = None
    since: int | None = None
    until: int | None = None
    text: str | None = None
    error_type: str | None = None
    sort: Sort = NEWEST_FIRST
    as_of: int | None = None
    job_prefixes: frozenset[str] = frozenset()

    @property
    def is_filtered(self) -> bool:
        """Whether it asks for some of the jobs, and not for all."""
        return JobQuery(sort=self.sort, as_of=self.as_of) != self

    def matches_state(self, job: Job) -> bool:
        """Whether the job's state passes the filters on what changes: status, stage, text and error type."""
        return (
            self.status in (None, job.status)
            and self.stage in (None, job.current_stage)
            and (self.error_type is None or any(error.error_type == self.error_type for error in job.errors))
            and (self.text is None or any(self.text in text for text in (searched(job), folded(job.message))))
        )

    def place(self, job: Job) -> Place:
        """The place of a job in this order."""
        values = {"started": job.started_at, "updated": job.updated_at}
        ended = {"completed": job.completed_at, "duration": job.duration}
        value = {**values, **ended}[self.sort.removeprefix("-")]
        return Place(0 if value is None else value, job.started_position)


def folded(text: str) -> str:
    """A text as it is searched: without case, its first 1,000 characters."""
    return text[:_PIECE_CHARACTERS].casefold()


def searched(job: Job) -> str:
    """What is searched of a job, folded: its id, its file's name, its errors and, once it has ended, its message."""
    pieces = [job.job_id]
    if name := job.photo_info.get("file_name"):
        pieces.append(str(name))
    if job.completed_at is not None:
        pieces.append(job.message)
    for error in reversed(job.errors):
        pieces += (error.error_type, error.error_message)
    # A line each: what is searched for has no line's end in it, so it is found within one piece.
    return "\n".join(folded(piece).replace("\n", " ") for piece in pieces)[:SEARCHED_CHARACTERS]


def read_query(
    *,
    status: str | None = None,
    stage: str | None = None,
    photo_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    q: str | None = None,
    error_type: str | None = None,
    sort: str | None = None,
) -> JobQuery:
    """The query of what was given.

    Raises:
        InvalidQuery: If something makes no sense; it names the parameter, and what that may be.
    """
    query = JobQuery(
        status=_status(status),
        stage=_text("stage", stage),
        photo_id=_text("photo_id", photo_id),
        since=read_time("since", since),
        until=read_time("until", until),
        text=None if q is None else folded(_text("q", q) or ""),
        error_type=_text("error_type", error_type),
        sort=_sort(sort),
    )
    if query.since is not None and query.until is not None and query.since > query.until:
        raise InvalidQuery.of("since", "is after until: there is nothing between them")
    if query.status == "active" and query.sort.removeprefix("-") in ("completed", "duration"):
        raise InvalidQuery("sort", query.sort, "has nothing to go by in active jobs: they have not completed")
    return query


def read_as_of(text: str | None) -> AsOf | None:
    """A position, or a time; raises :class:`InvalidQuery` for anything else."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_INTEGER:
        return AsOf(position=int(text))
    return AsOf(time=read_time("as_of", text, "must be a position, or a time in ISO 8601 with its zone"))


def _status(text: str | None) -> JobStatus | None:
    for known in get_args(JobStatus):
        if text == known:
            return known  # type: ignore[no-any-return]  # get_args() of a Literal
    if text is None:
        return None
    raise InvalidQuery("status", text, f"must be one of {', '.join(get_args(JobStatus))}")


def _sort(text: str | None) -> Sort:
    for known in get_args(Sort):
        if text == known:
            return known  # type: ignore[no-any-return]  # get_args() of a Literal
    if text is None:
        return NEWEST_FIRST
    raise InvalidQuery("sort", text, f"must be one of {', '.join(get_args(Sort))}")


def _text(field: str, text: str | None) -> str | None:
    if text is not None and not (1 <= len(text) <= _MAX_TEXT and text.isprintable()):
        raise InvalidQuery(field, text, f"must be 1 to {_MAX_TEXT} printable characters")
    return text


def read_time(field: str, text: str | None, problem: str = A_ZONED_TIME) -> int | None:
    """A time in ISO 8601 with its zone, from 1970 on, in microseconds UTC; raises :class:`InvalidQuery` else."""
    if text is None:
        return None
    moment = zoned_time(text)
    if moment is None:
        raise InvalidQuery(field, text, problem)
    if not EPOCH.year <= moment.year <= _LAST_YEAR:
        raise InvalidQuery(field, text, f"must be from {EPOCH.year} to {_LAST_YEAR}")
    return max(0, since_epoch(moment))
