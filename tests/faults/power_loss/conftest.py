"""What the tests of power loss share: the library that records, and the processes that look at crash states."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.faults.power_loss.crashes import SHARES
from tests.faults.power_loss.whole_log import keep_engines
from tests.faults.preload import compiled


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``recording.c``, compiled."""
    return compiled(Path(__file__).with_name("recording.c"), tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes of their own, begun once."""
    with ProcessPoolExecutor(SHARES, get_context("spawn"), keep_engines) as pool:
        yield pool
