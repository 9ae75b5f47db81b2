"""What is asked of the statistics, checked: the same over HTTP and on the command line. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.job_query import AsOf, read_as_of, read_time
from tracker.statistics import HOUR

GroupBy: TypeAlias = Literal["stage", "status", "hour", "error_type"]
GROUPINGS: tuple[GroupBy, ...] = get_args(GroupBy)


class StatisticsQuery(Struct, frozen=True, kw_only=True):
    """``since`` (inclusive) and ``until`` (exclusive) in whole hours since 1970, UTC; None for no bound."""

    since: int | None = None
    until: int | None = None
    group_by: GroupBy | None = None
    as_of: AsOf | None = None


def read_query(
    since: str | None = None, until: str | None = None, group_by: str | None = None, as_of: str | None = None
) -> StatisticsQuery:
    """The query of what was given; times are rounded to whole hours, outwards.

    Raises:
        InvalidQuery: If something makes no sense, or ``since`` is after ``until``.
    """
    first, last = read_time("since", since), read_time("until", until)
    if first is not None and last is not None and first > last:
        raise InvalidQuery.of("since", "is after until: there is nothing between them")
    return StatisticsQuery(
        since=None if first is None else first // HOUR,
        until=None if last is None else -(-last // HOUR),
        group_by=_grouping(group_by),
        as_of=read_as_of(as_of),
    )


def _grouping(text: str | None) -> GroupBy | None:
    for known in GROUPINGS:
        if text == known:
            return known
    if text is None:
        return None
    raise InvalidQuery("group_by", text, f"must be one of {', '.join(GROUPINGS)}")
