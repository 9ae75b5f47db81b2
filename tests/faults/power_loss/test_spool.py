"""Crash states of a spool, which syncs nothing: events may be gone, and what is found is nothing else than events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from tests import figures
from tests.faults.power_loss.crashes import State, findings, trace_of
from tests.faults.power_loss.spooled import number_of
from tracker.remote import records
from tracker.remote.spool import Spool

_STATES = 5_000 if os.environ.get("JOBREEL_TORTURE") else 1_000
_OF_A_CONTROL = 200
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records by LD_PRELOAD")


def _faults_of(folder: Path, state: State) -> Iterator[str]:
    with closing(Spool(folder / "spool")) as spool:
        found = [text for texts in spool.adopt() for text in texts]
        numbers = [number_of(text) for text in found]
        if None in numbers:
            yield "an event that nobody reported"
        # What was delivered may come again: the server knows it.
        delivered = max(state.promised, default=0)
        waiting = [number for number in numbers if number is not None and number >= delivered]
        if waiting != sorted(set(waiting)):
            yield "twice, or in another order"
        spool.append([b"the next one"])
        spool.delivered(len(found) + 1)
    if left := list(folder.rglob("*.spool")):
        yield f"left behind for good: {left[0].name}"


def _faults_of_unchecked(folder: Path, state: State) -> Iterator[str]:
    unchecked = SimpleNamespace(crc32=lambda _: _Equal())
    with patch.object(records, "zlib", unchecked):
        yield from _faults_of(folder, state)


class _Equal(int):
    """A checksum that is always right."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return True


def test_what_a_spool_is_left_with_is_events_in_their_order_and_the_rest_is_cleared_away(
    library: Path, pool: Executor, tmp_path: Path
) -> None:
    trace = trace_of(library, tmp_path / "state", "spooling")
    found = findings(pool, _faults_of, trace, _STATES)
    figures.show(
        "R2: power loss, a spool", f"{found.states} states, {len(found.faults)} with wrong events", "0 wrong events"
    )
    assert (found.states, found.faults) == (_STATES, [])


def test_control_without_their_checksums_torn_events_are_taken_for_whole_ones(
    library: Path, pool: Executor, tmp_path: Path
) -> None:
    trace = trace_of(library, tmp_path / "state", "spooling")
    found = findings(pool, _faults_of_unchecked, trace, _OF_A_CONTROL)
    figures.show("R2: control, a spool", f"{len(found.faults)} of {found.states} states with wrong events", "1 or more")
    assert "an event that nobody reported" in found.faults
