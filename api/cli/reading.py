"""Reading the log from a command: read-only, also beside the server that writes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tracker.eta import History
    from tracker.projection import Job
    from tracker.store.base import Reader

_T = TypeVar("_T")


def ask_log(url: str, question: Callable[[Reader], Awaitable[_T]]) -> _T:
    """Ask the log at a database URL something.

    Raises:
        StoreError: If there is no log, or it cannot be read.
    """
    from tracker import event_loops

    return event_loops.run(_ask(url, question), url)


def demand_log(url: str) -> None:
    """Raise :class:`StoreError` unless there is a log: what looks after a log does not make one."""

    async def nothing(_: Reader) -> None:
        return None

    ask_log(url, nothing)


def history_for(url: str, jobs: Iterable[Job]) -> History | None:
    """What estimates for these jobs rest on; None where none of them is active."""
    if not any(job.status == "active" for job in jobs):
        return None
    from tracker.past_jobs import PastJobs

    past = PastJobs()
    past.take(ask_log(url, lambda log: log.finished_jobs(past.since, past.limit)))
    return past.history


async def _ask(url: str, question: Callable[[Reader], Awaitable[_T]]) -> _T:
    from tracker.store import open_reader

    reader = open_reader(url)
    try:
        return await question(reader)
    finally:
        await reader.close()
