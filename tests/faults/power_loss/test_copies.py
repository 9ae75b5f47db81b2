"""Crash states of backups and exports: under its name a file is whole, and there once its command has said so."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import cache, partial
from pathlib import Path

import pytest

from tests import figures
from tests.faults.power_loss.crashes import Findings, State, findings, trace_of
from tracker.progress_reporter import ProgressReporter

_STATES = 1_500 if os.environ.get("JOBREEL_TORTURE") else 400
_OF_A_CONTROL = 100
_EVENTS = 300
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records by LD_PRELOAD")


@pytest.fixture
def log(database_url: str) -> str:
    """The path of the log that is copied."""
    with ProgressReporter(database_url=database_url) as reporter:
        reporter.start_job("job")
        for number in range(_EVENTS - 1):
            reporter.update_progress("job", "importing", number % 100, "x" * number)
    return database_url.removeprefix("sqlite:///")


@cache
def _kept(folder: Path) -> dict[str, dict[bytes, int]]:
    """Of each name, the contents that it had, and the number of their marks."""
    found: dict[str, dict[bytes, int]] = {}
    for path in folder.iterdir():
        number, _, name = path.name.partition("-")
        found.setdefault(name, {})[path.read_bytes()] = int(number)
    return found


def _faults_of(kept: Path, _: Path, state: State) -> Iterator[str]:
    for name, numbers in _kept(kept).items():
        promised = max((number for number, of in state.promised.items() if of == name), default=0)
        content = state.left.get(name)
        if content is None:
            found = 0
        elif (found := numbers.get(content, -1)) < 0:
            yield f"not whole: {name}"
            continue
        if found < promised:
            yield f"promised and gone: {name}"


def _found(library: Path, pool: Executor, log: str, folder: Path, states: int, *options: str) -> Findings:
    kept = folder / "kept"
    kept.mkdir()
    trace = trace_of(library, folder / "copies", "copies", log, str(kept), *options)
    return findings(pool, partial(_faults_of, kept), trace, states)


def test_a_file_is_whole_under_its_name_and_there_once_that_is_said(
    library: Path, pool: Executor, log: str, tmp_path: Path
) -> None:
    found = _found(library, pool, log, tmp_path, _STATES)
    figures.show(
        "R2: power loss, backups and exports",
        f"{found.states} states, {len(found.faults)} gone or torn",
        "0 gone, 0 torn",
    )
    assert (found.states, found.faults) == (_STATES, [])


def test_control_with_the_names_unsynced_what_was_said_to_be_there_can_be_gone(
    library: Path, pool: Executor, log: str, tmp_path: Path
) -> None:
    found = _found(library, pool, log, tmp_path, _OF_A_CONTROL, "unsynced")
    figures.show(
        "R2: control, backups and exports", f"{len(found.faults)} of {found.states} states lost files", "1 or more"
    )
    assert found.faults
    assert all("promised and gone" in fault for fault in found.faults)
