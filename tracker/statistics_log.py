"""The statistics of a log: the question put to a reader, and the answer."""

from __future__ import annotations

from tracker.statistics_answer import Body, answer
from tracker.statistics_query import StatisticsQuery
from tracker.store.base import Reader
from tracker.time_travel import find_moment


async def read_statistics(reader: Reader, query: StatisticsQuery, now: int) -> Body:
    """The body of ``GET /stats``; ``now`` in microseconds UTC.

    Raises:
        InvalidQuery: If ``as_of`` is beyond the log, in the future, or too far back.
        HistoryPruned: If it is below the horizon.
    """
    if query.as_of is None:
        return answer(query, await reader.statistics(query, now))
    moment = await find_moment(reader, query.as_of, now)
    return answer(query, await reader.statistics(query, moment.time, moment.position))
