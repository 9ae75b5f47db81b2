"""The log's readers: asynchronous, read-only, each answer one statement's snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tracker.errors import JobNotFound, JobPruned, StoreError
from tracker.events import RecordedEvent
from tracker.filters import EventFilter
from tracker.projection import Job, JobStatus
from tracker.store import rows, statements
from tracker.store.base import LogHead
from tracker.tokens import Token


class SqlReader:
    """See :class:`tracker.store.base.Reader`."""

    def __init__(self, engine: AsyncEngine, connections: int, translate: Callable[[DBAPIError], StoreError]) -> None:
        """``connections``: how many the engine may have open."""
        self._engine = engine
        # Those who wait for a connection wait here: the pool would give up on them after a while, and each that waits
        # there holds a stack of its own.
        self._turn = asyncio.Semaphore(connections)
        self._translate = translate

    async def head(self) -> LogHead:
        """See :meth:`tracker.store.base.Reader.head`."""
        async with self._connection() as connection:
            row = (await connection.execute(statements.HEAD)).one()
        return LogHead(row.position, row.horizon, row.epoch)

    async def read(self, after: int, limit: int, wanted: EventFilter) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.read`."""
        return await self._events(statements.page(wanted), after=after, limit=limit)

    async def job_events(self, job_id: str, after: int, limit: int) -> list[RecordedEvent]:
        """See :meth:`tracker.store.base.Reader.job_events`."""
        return await self._events(statements.JOB_PAGE, job_id=job_id, after=after, limit=limit)

    async def load_job(self, job_id: str) -> Job:
        """See :meth:`tracker.store.base.Reader.load_job`."""
        async with self._connection() as connection:
            state = (await connection.execute(statements.JOB_STATE, {"job_id": job_id})).scalar()
            if state is not None:
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

    async def prunable_jobs(self, finished_before: int, limit: int) -> list[Job]:
        """See :meth:`tracker.store.base.Reader.prunable_jobs`."""
        return await self._jobs(statements.DUE, finished_before=finished_before, limit=limit)

    async def tokens(self) -> list[Token]:
        """See :meth:`tracker.store.base.Reader.tokens`."""
        async with self._connection() as connection:
            return [rows.token(row) for row in await connection.execute(statements.TOKENS)]

    async def close(self) -> None:
        """See :meth:`tracker.store.base.Reader.close`."""
        await self._engine.dispose()

    async def _events(self, statement: Select[Any], **values: Any) -> list[RecordedEvent]:
        async with self._connection() as connection:
            return [rows.recorded_event(row) for row in await connection.execute(statement, values)]

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
