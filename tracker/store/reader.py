"""The log's readers: asynchronous, read-only, each answer one statement's snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.events import RecordedEvent
from tracker.filters import EventFilter
from tracker.job_query import JobQuery, Place
from tracker.json_values import is_storable
from tracker.projection import Job, JobStatus
from tracker.statistics_answer import Tally
from tracker.statistics_query import StatisticsQuery
from tracker.store import jobs_query, moments, rows, statements, statistics_reading
from tracker.store.base import LogHead
from tracker.store.fetching import Fetch
from tracker.timeline import Step
from tracker.tokens import Token

_Found = TypeVar("_Found")
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
        ((position, horizon, epoch, _),) = await self._reading(self._head.rows)
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
        values: dict[str, Any] = {"job_id": job_id, "after": after, "through": through, "limit": limit}
        return rows.steps(await self._reading(partial(self._job_steps.rows, **values, **rows.left_out(like, every))))

    async def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Reader.load_job`."""
        if not is_storable(job_id):
            raise JobNotFound(job_id)

        async def load(connection: AsyncConnection) -> Job:
            for (state,) in await self._job_state.rows(connection, job_id=job_id):
                return rows.job(state)
            pruned = (await connection.execute(statements.PRUNED_IDS, {"job_ids": [job_id]})).first()
            raise JobPruned(job_id) if pruned else JobNotFound(job_id)

        return await self._reading(load)

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
        found = await self._snapshot(statistics_reading.find, query, now, position)
        if not found.later:
            return statistics_reading.tally(query, found)
        return await asyncio.to_thread(statistics_reading.tally, query, found)

    async def find_jobs(self, query: JobQuery, after: Place | None, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.find_jobs`."""
        return await self._jobs(jobs_query.page(query, after, limit, self._engine.dialect.name))

    async def count_jobs(self, query: JobQuery) -> int:
        """See :meth:`tracker.store.base.Reader.count_jobs`."""
        statement = jobs_query.total(query, self._engine.dialect.name)
        return int((await self._rows(statement))[0][0])

    async def job_life(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_life`."""
        return await self._events(self._job_life, job_id=job_id, after=after, limit=limit)

    async def recorded_at(self, position: int) -> int | None:
        """See :meth:`tracker.store.base.Reader.recorded_at`."""
        found = await self._rows(statements.RECORDED_AT, position=position)
        return found[0].recorded_at if found else None

    async def position_at(self, time: int) -> int:
        """See :meth:`tracker.store.base.Reader.position_at`."""
        return await self._snapshot(moments.position_at, time)

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.prunable_jobs`."""
        return await self._jobs(statements.DUE, finished_before=finished_before, limit=limit)

    async def tokens(self) -> list[Token]:
        """See :meth:`tracker.store.base.Reader.tokens`."""
        return [rows.token(row) for row in await self._rows(statements.TOKENS)]

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
        return rows.recorded_events(await self._reading(partial(fetch.rows, **values)))

    def _page(self, wanted: EventFilter) -> Fetch:
        if wanted not in self._pages:
            if len(self._pages) >= _PAGES:
                self._pages.clear()
            self._pages[wanted] = Fetch(statements.page(wanted), self._engine.dialect, "after", "limit")
        return self._pages[wanted]

    async def _jobs(self, statement: Select[Any], **values: Any) -> list[Job]:
        return [rows.job(state) for (state,) in await self._rows(statement, **values)]

    async def _rows(self, statement: Select[Any], **values: Any) -> Sequence[Row[Any]]:
        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            found: Sequence[Row[Any]] = (await connection.execute(statement, values)).all()
            return found

        return await self._reading(read)

    async def _snapshot(self, find: Callable[..., _Found], *arguments: Any) -> _Found:
        async def read(connection: AsyncConnection) -> _Found:
            # One snapshot for all that is read; it ends with the connection.
            await connection.exec_driver_sql(self._begin)
            return await connection.run_sync(find, *arguments)

        return await self._reading(read)

    async def _reading(self, read: Callable[[AsyncConnection], Awaitable[_Found]]) -> _Found:
        # A statement cannot be broken off: what is begun goes on to its end, and has its connection until then, also
        # when nobody waits for it any more. A connection that is left in the middle has to be thrown away.
        await self._turn.acquire()
        reading = asyncio.create_task(self._read(read))
        reading.add_done_callback(lambda _: self._turn.release())
        return await asyncio.shield(reading)

    async def _read(self, read: Callable[[AsyncConnection], Awaitable[_Found]]) -> _Found:
        try:
            try:
                return await self._once(read)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            # The server ended what waited in the pool: that is known only now, and reading again repeats nothing.
            return await self._once(read)
        except DBAPIError as error:
            raise self._translate(error) from error

    async def _once(self, read: Callable[[AsyncConnection], Awaitable[_Found]]) -> _Found:
        async with self._engine.connect() as connection:
            return await read(connection)
