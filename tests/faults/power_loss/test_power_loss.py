"""Crash states of a whole tracker: each is opened as a user would, verified, and asked for what was acknowledged."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections import Counter
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path

import pytest

from tests import figures
from tests.faults.power_loss.crashes import findings, trace_of
from tests.faults.power_loss.trace import Kind, records
from tests.faults.power_loss.whole_log import faults_of

_STATES = 10_000 if os.environ.get("JOBREEL_TORTURE") else 2_000
_OF_A_CONTROL = 60
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records by LD_PRELOAD")


@pytest.fixture(scope="module")
def trace(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a tracker as it is; the folder that was recorded is beside it."""
    return trace_of(library, tmp_path_factory.mktemp("recorded") / "log", "workload")


def test_nothing_acknowledged_is_lost_and_nothing_is_torn(trace: Path, pool: Executor) -> None:
    found = findings(pool, faults_of, trace, _STATES)
    done = Counter((record.kind, record.name) for record in records(trace))
    events = sum(count for (kind, _), count in done.items() if kind is Kind.MARKED)
    figures.show(
        "R2: power loss",
        f"{found.states} states of {events} events, {len(found.faults)} lost or corrupt",
        "0 lost, 0 corrupt in 10,000 states",
    )
    assert (found.states, found.faults) == (_STATES, [])
    # It was checkpointed and pruned all the time, and both were among what a crash could cut.
    assert done[Kind.SYNCED, "log.db"] > 5
    assert _pruned_jobs(trace.with_name("log") / "log.db") > 5


def _pruned_jobs(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM tombstones").fetchone()[0])


def test_control_without_a_sync_for_each_commit_acknowledged_events_are_lost(
    library: Path, pool: Executor, tmp_path: Path
) -> None:
    trace = trace_of(library, tmp_path / "log", "workload", "NORMAL")
    found = findings(pool, faults_of, trace, _OF_A_CONTROL)
    figures.show(
        "R2: control, synchronous=NORMAL", f"{len(found.faults)} of {found.states} states lost events", "1 or more"
    )
    assert found.faults
    assert all("acknowledged and lost" in fault for fault in found.faults)  # nothing worse: the file is whole


def test_control_a_disk_that_only_says_that_it_synced_leaves_damage(trace: Path, pool: Executor) -> None:
    found = findings(pool, faults_of, trace, _OF_A_CONTROL, lies=True)
    figures.show(
        "R2: control, a disk that lies", f"{len(found.faults)} of {found.states} states not whole", "1 or more"
    )
    assert any("lost" not in fault for fault in found.faults)
    assert any("lost" in fault for fault in found.faults)
