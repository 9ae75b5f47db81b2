"""Nodes that share one log on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tracker.runtime import Tracker
from tracker.settings import Settings


@pytest.fixture
def nodes(postgres_url: str) -> Iterator[tuple[Tracker, Tracker]]:
    """Two of them."""
    settings = Settings(database_url=postgres_url)
    with ExitStack() as stack:
        yield stack.enter_context(Tracker(settings)), stack.enter_context(Tracker(settings))
