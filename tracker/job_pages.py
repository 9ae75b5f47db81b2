"""A page of the list of jobs, as they are or as they were: the same over HTTP and on the command line."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tracker.errors import InvalidQuery
from tracker.job_cursor import read_cursor, write_cursor
from tracker.job_query import AsOf, JobQuery, Place
from tracker.projection import Job
from tracker.store.base import Reader
from tracker.time_travel import check_sort, find_moment, jobs_at


class PageQuery(Struct, frozen=True, kw_only=True):
    """A page that is asked for: ``limit`` jobs behind ``after``, ``has_total`` with how many there are."""

    jobs: JobQuery
    limit: int
    after: Place | None = None
    as_of: AsOf | None = None
    has_total: bool = False


class Page(Struct, frozen=True, kw_only=True):
    """A page: ``time`` (microseconds UTC) is when its jobs were so; ``cursor`` is None on the last one."""

    jobs: list[Job]
    time: int
    cursor: str | None = None
    total: int | None = None
    as_of: int | None = None

    def fields(self) -> dict[str, Any]:
        """What the answer has beside its jobs."""
        named = {"cursor": self.cursor, "total": self.total, "as_of": self.as_of}
        return {name: value for name, value in named.items() if value is not None}


def bind(
    jobs: JobQuery, limit: int, *, cursor: str | None = None, as_of: AsOf | None = None, has_total: bool = False
) -> PageQuery:
    """The page, checked as a whole: what does not go together is refused."""
    if as_of is not None:
        check_sort(jobs)
        if has_total:
            raise InvalidQuery.of("total", "is not counted together with as_of")
    after = read_cursor(jobs, as_of, cursor)
    return PageQuery(jobs=jobs, limit=limit, after=after, as_of=as_of, has_total=has_total)


async def find_page(reader: Reader, query: PageQuery, now: int) -> Page:
    """The page; ``now`` in microseconds UTC."""
    time, position = now, None
    if query.as_of is None:
        found = await reader.find_jobs(query.jobs, query.after, query.limit + 1)
    else:
        moment = await find_moment(reader, query.as_of, now)
        time, position = moment.time, moment.position
        found = await jobs_at(reader, replace(query.jobs, as_of=position), query.after, query.limit + 1)
    return Page(
        jobs=found[: query.limit],
        time=time,
        cursor=_cursor(query, found),
        total=await reader.count_jobs(query.jobs) if query.has_total else None,
        as_of=position,
    )


def _cursor(query: PageQuery, found: list[Job]) -> str | None:
    if len(found) <= query.limit:
        return None
    return write_cursor(query.jobs, query.as_of, query.jobs.place(found[query.limit - 1]))
