"""R9: every way to end a program that reports: nothing is lost where it ends by itself, nothing hangs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests import figures
from tests.acceptance import logs
from tests.faults.exits import QUEUED, WAYS, Way, end
from tests.tracker.processes import new_log

_ALL = ["acknowledged", *map(str, range(QUEUED))]
_MOST_SECONDS = 5.0 if os.environ.get("JOBREEL_TORTURE") else 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_log(tmp_path)


def _reported(path: Path) -> list[str]:
    """The jobs that are in a log, which must be whole and have what was acknowledged."""
    assert logs.faults(path, {1}) == []
    return [event.job_id for event in logs.events(path)]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_is_lost_and_nothing_hangs(path: Path, way: Way) -> None:
    ended = end(path, way.does, way.interrupts)
    found = _reported(path)
    # An interrupt may still meet the program itself.
    statuses = {way.status, -signal.SIGINT} if way.interrupts else {way.status}
    assert (ended.status in statuses, found if way.loses else _ALL) == (True, found), ended.errors
    assert found == _ALL[: len(found)], "in order, and nothing twice"
    assert ended.seconds <= _MOST_SECONDS
    figures.show(f"R9: {way}", f"{len(_ALL) - len(found)} of {len(_ALL)} lost, {ended.seconds:.1f} s", _reach(way))


def _reach(way: Way) -> str:
    return "none acknowledged lost" if way.loses else "0 lost, 5 s"


def test_control_an_end_that_runs_nothing_loses_what_waits(path: Path) -> None:
    assert end(path, "os._exit(0)").status == 0
    assert _reported(path) == ["acknowledged"]


def test_what_a_second_interrupt_loses_is_said(path: Path) -> None:
    ended = end(path, "", (0.1, 0.05))
    found = _reported(path)
    assert "Ctrl-C again does not wait for it" in ended.errors
    assert ("events were not recorded" in ended.errors) is (len(found) < len(_ALL)), ended.errors
    assert "Exception ignored" not in ended.errors
