"""Crash states of a log that is just being made, in folders that are new: what it acknowledged is there as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest

from tests import figures
from tests.faults.power_loss import whole_log
from tests.faults.power_loss.crashes import State, findings, trace_of

_LOG = "data/jobreel/log.db"
_STATES = 1_000 if os.environ.get("JOBREEL_TORTURE") else 150
_OF_A_CONTROL = 50
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records by LD_PRELOAD")


def _faults_of(folder: Path, state: State) -> Iterator[str]:
    return whole_log.faults_of(folder, state, _LOG)


def test_a_log_that_is_cut_while_it_is_made_is_made_again_and_loses_nothing(
    library: Path, pool: Executor, tmp_path: Path
) -> None:
    trace = trace_of(library, tmp_path / "home", "first_events", _LOG)
    found = findings(pool, _faults_of, trace, _STATES)
    figures.show(
        "R2: power loss, a new log", f"{found.states} states, {len(found.faults)} lost or corrupt", "0 lost, 0 corrupt"
    )
    assert (found.states, found.faults) == (_STATES, [])


def test_control_with_the_names_of_new_folders_unsynced_the_whole_log_can_go(
    library: Path, pool: Executor, tmp_path: Path
) -> None:
    trace = trace_of(library, tmp_path / "home", "first_events", _LOG, "unsynced")
    found = findings(pool, _faults_of, trace, _OF_A_CONTROL)
    figures.show("R2: control, a new log", f"{len(found.faults)} of {found.states} states lost events", "1 or more")
    assert found.faults
    assert all("acknowledged and lost" in fault for fault in found.faults)
