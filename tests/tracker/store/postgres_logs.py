"""How tests of PostgreSQL look into a log past the tracker, and at what it refuses."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tracker.errors import StoreError
from tracker.store import open_store


def rows(url: str) -> list[tuple[Any, ...]]:
    """Position, job and sequence of every event, by position."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT position, job_id, sequence FROM events ORDER BY position").fetchall()


def terminate(url: str, session: int | None) -> None:
    """End a session; returns when it is gone."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (session,))


def refusal(url: str) -> StoreError:
    """Why a log is not opened; the passwords of the tests' URLs are not in it."""
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    assert "wrong" not in str(refused.value)
    return refused.value


def engine_url(url: str) -> str:
    """The URL as SQLAlchemy has it."""
    return url.replace("postgresql:", "postgresql+psycopg:")
