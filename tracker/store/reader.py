"""The log's readers: asynchronous, read-only, each answer one statement's snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.events import RecordedEvent
from tracker.filters import EventFilter
from tracker.job_query import JobQuery, Place
from tracker.projection import Job, JobStatus
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.store import jobs_query, moments, rows, statements, statistics_reading
from tracker.store.base import LogHead
from tracker.store.fetching import Fetch
from tracker.timeline import Step
from tracker.tokens import Token

_CLOSE_SECONDS = 5.0
_PAGES = 1000  # filters whose statement is kept
_OF_A_JOB = ("job_id", "after", "limit")


class SqlReader:
    """See :class:`tracker.store.base.Reader`."""

    def __init__(
        self,
        engine: AsyncEngine,
        connections: int,
        translate: Callable[[DBAPIError], StoreError],
        begin: str = "BEGIN",
    ) -> None:
        """``connections``: how many the engine may have open; ``begin``: what begins a transaction of one snapshot."""
        self._engine = engine
        self._begin = begin
        # Those who wait for a connection wait here: the pool would give up on them after a while, and each that waits
        # there holds a stack of its own.
        self._turn = asyncio.Semaphore(connections)
        self._connections = connections
        self._translate = translate
        self._pages: dict[EventFilter, Fetch] = {}
        self._head = Fetch(statements.HEAD, engine.dialect)
        self._job_state = Fetch(statements.JOB_STATE, engine.dialect, "job_id")
        self._job_steps = Fetch(statements.JOB_STEPS, engine.dialect, *_OF_A_JOB, "through", *rows.LEFT_OUT)
        self._job_page = Fetch(statements.JOB_PAGE, engine.dialect, *_OF_A_JOB)
        self._job_life = Fetch(statements.JOB_LIFE, engine.dialect, *_OF_A_JOB)

    async def head(self) -> LogHead:
        """See :meth:`tracker.store.base.Reader.head`."""
        async with self._connection() as connection:
            ((position, horizon, epoch, _),) = await self._head.rows(connection)
        return LogHead(position, horizon, epoch)

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.read`."""
        return await self._events(self._page(wanted), after=after, limit=limit)

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_events`."""
        return await self._events(self._job_page, job_id=job_id, after=after, limit=limit)

    async def job_steps(
        self, job_id: str, after: int, through: int, limit: int, like: str | None = None, every: int = 1
    ) -> Sequence[Step]:
        """See :meth:`tracker.store.base.Reader.job_steps`."""
        values = {"job_id": job_id, "after": after, "through": through, "limit": limit}
        async with self._connection() as connection:
            return rows.steps(await self._job_steps.rows(connection, **values, **rows.left_out(like, every)))

    async def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Reader.load_job`."""
        async with self._connection() as connection:
            for (state,) in await self._job_state.rows(connection, job_id=job_id):
                return rows.job(state)
            pruned = (await connection.execute(statements.PRUNED_IDS, {"job_ids": [job_id]})).first()
        raise JobPruned(job_id) if pruned else JobNotFound(job_id)

    async def list_jobs(
        self, status: JobStatus | None, before: int | None, limit: int, job_prefixes: frozenset[str] = frozenset()
    ) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.list_jobs`."""
        return await self._jobs(statements.jobs_page(status, before, job_prefixes), limit=limit)

    async def active_jobs(self) -> list[Job]:
        """Every unfinished job, in the order they started."""
        return await self._jobs(statements.ACTIVE_STATES)

    async def finished_jobs(self, since: int, limit: int, job_prefixes: frozenset[str] = frozenset()) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.finished_jobs`."""
        return await self._jobs(statements.finished_jobs(job_prefixes), since=since, limit=limit)

    async def statistics(self, query: StatisticsQuery, now: int, position: int | None = None) -> Tally:
        """See :meth:`tracker.store.base.Reader.statistics`."""
        async with self._connection() as connection:
            # One snapshot for all that is read; it ends with the connection.
            await connection.exec_driver_sql(self._begin)
            found = await connection.run_sync(statistics_reading.find, query, now, position)
        if not found.later:
            return statistics_reading.tally(query, found)
        return await asyncio.to_thread(statistics_reading.tally, query, found)

    async def find_jobs(self, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.find_jobs`."""
        return await self._jobs(jobs_query.page(query, after, limit, self._engine.dialect.name))

    async def count_jobs(self, query: JobQuery) -> int:
        """See :meth:`tracker.store.base.Reader.count_jobs`."""
        async with self._connection() as connection:
            statement = jobs_query.total(query, self._engine.dialect.name)
            count: int = (await connection.execute(statement)).scalar_one()
        return count

    async def job_life(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_life`."""
        return await self._events(self._job_life, job_id=job_id, after=after, limit=limit)

    async def recorded_at(self, position: int) -> int | None:
        """See :meth:`tracker.store.base.Reader.recorded_at`."""
        async with self._connection() as connection:
            row = (await connection.execute(statements.RECORDED_AT, {"position": position})).first()
        return None if row is None else row.recorded_at

    async def position_at(self, time: int) -> int:
        """See :meth:`tracker.store.base.Reader.position_at`."""
        async with self._connection() as connection:
            # One snapshot for all that is read; it ends with the connection.
            await connection.exec_driver_sql(self._begin)
            return await connection.run_sync(moments.position_at, time)

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.prunable_jobs`."""
        return await self._jobs(statements.DUE, finished_before=finished_before, limit=limit)

    async def tokens(self) -> list[Token]:
        """See :meth:`tracker.store.base.Reader.tokens`."""
        async with self._connection() as connection:
            return [rows.token(row) for row in await connection.execute(statements.TOKENS)]

    async def close(self) -> None:
        """See :meth:`tracker.store.base.Reader.close`."""
        # A statement under way has a thread that answers to the loop: the loop may be closed after this.
        async with AsyncExitStack() as nobody_reads:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    for _ in range(self._connections):
                        await nobody_reads.enter_async_context(self._turn)
            await self._engine.dispose()

    async def _events(self, fetch: Fetch, **values: Any) -> list[RecordedEvent]:
        async with self._connection() as connection:
            found = await fetch.rows(connection, **values)
        return rows.recorded_events(found)

    def _page(self, wanted: EventFilter) -> Fetch:
        if wanted not in self._pages:
            if len(self._pages) >= _PAGES:
                self._pages.clear()
            self._pages[wanted] = Fetch(statements.page(wanted), self._engine.dialect, "after", "limit")
        return self._pages[wanted]

    async def _jobs(self, statement: Select[Any], **values: Any) -> list[Job]:
        async with self._connection() as connection:
            return [rows.job(state) for state in (await connection.execute(statement, values)).scalars()]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._turn, self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self._translate(error) from error
