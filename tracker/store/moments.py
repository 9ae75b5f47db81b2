"""Where the log passed a time."""

from __future__ import annotations

from sqlalchemy import Connection

from tracker.store import statements


def position_at(connection: Connection, time: int) -> int:
    """A position whose last event up to it was recorded at or before ``time`` (microseconds UTC), the next one after.

    By halves: times need no index, which every append would have to write. See
    :func:`tracker.time_travel.find_moment` for a clock that was set back.
    """
    low, high = 0, connection.execute(statements.HEAD).one().position + 1
    while high - low > 1:
        middle = (low + high) // 2
        last = connection.execute(statements.RECORDED_AT, {"position": middle}).first()
        # Of pruned events nothing is known: the place is then that of what is left before them.
        if last is None or last.recorded_at <= time:
            low = middle
        else:
            high = last.position
    return low


def newest_before(connection: Connection, time: int) -> int | None:
    """When the event at :func:`position_at` was recorded; None if none is left up to there."""
    last = connection.execute(statements.RECORDED_AT, {"position": position_at(connection, time)}).first()
    return None if last is None else int(last.recorded_at)
