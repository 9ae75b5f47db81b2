"""Crash states of a whole tracker: each is opened as a user would, verified, and asked for what was acknowledged."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import text

from tests import figures
from tests.faults.power_loss.trace import Disk, Kind, Record, records
from tests.faults.preload import compiled
from tracker.errors import TrackerError
from tracker.store import verifying
from tracker.store.sqlite import SqliteStore

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_STATES = 10_000 if _LONG else 2_000
_OF_A_CONTROL = 200
_HERE = Path(__file__).parent
_SHARES = 2  # processes
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records by LD_PRELOAD")


@dataclass(frozen=True, slots=True)
class State:
    """What a crash left, and what had been acknowledged before it."""

    files: dict[str, bytes]
    acknowledged: frozenset[int]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(_HERE / "recording.c", tmp_path_factory.mktemp("library"))


def _trace(library: Path, folder: Path, synchronous: str = "FULL") -> Path:
    folder.mkdir()
    trace = folder.with_suffix(".trace")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "POWER_LOSS_FOLDER": str(folder),
        "POWER_LOSS_TRACE": str(trace),
    }
    command = [sys.executable, "-m", "tests.faults.power_loss.workload", str(folder / "log.db"), synchronous]
    subprocess.run(command, env=environment, check=True, timeout=120, cwd=_HERE.parents[2])
    return trace


def _states(trace: list[Record], count: int, seed: int, *, lies: bool) -> Iterator[State]:
    """Crashes at moments of chance, in their order."""
    chance = random.Random(seed)
    moments = sorted(chance.randrange(len(trace)) for _ in range(count))
    disk, done, acknowledged = Disk(lies=lies), 0, set[int]()
    for moment in moments:
        for record in trace[done:moment]:
            disk.do(record)
            if record.kind is Kind.MARKED:
                acknowledged.add(record.place)
        done = max(done, moment)
        yield State(disk.after_crash(chance), frozenset(acknowledged))


def _faults_of(folder: Path, state: State) -> Iterator[str]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in state.files.items():
        (folder / name).write_bytes(content)
    try:
        store = SqliteStore(folder / "log.db")
    except TrackerError as error:
        yield f"cannot be opened: {error}"
        return
    try:
        with store.writer.transaction() as connection:
            yield from verifying.faults(connection)
            there = set(connection.execute(text("SELECT position FROM events")).scalars())
            # The events of a pruned job are gone by right, up to the horizon.
            (horizon,) = connection.execute(text("SELECT horizon FROM log_head")).one()
            if lost := sorted(position for position in state.acknowledged - there if position > horizon):
                yield f"acknowledged and lost: {lost[:5]}"
    except TrackerError as error:
        yield f"cannot be read: {error}"
    finally:
        store.close()


def _share(trace: Path, folder: Path, seed: int, count: int, lies: bool) -> list[str]:
    """The first fault of each of so many states that has one, as whoever opens the log finds it."""
    states = _states(list(records(trace)), count, seed, lies=lies)
    return [fault for state in states if (fault := next(_faults_of(folder, state), None)) is not None]


def _faults(trace: Path, folder: Path, count: int, *, lies: bool = False) -> list[str]:
    with ProcessPoolExecutor(_SHARES, get_context("spawn")) as pool:
        shares = [
            pool.submit(_share, trace, folder / f"states-{seed}", seed, count // _SHARES, lies)
            for seed in range(_SHARES)
        ]
        return [fault for share in shares for fault in share.result()]


def test_nothing_acknowledged_is_lost_and_nothing_is_torn(library: Path, tmp_path: Path) -> None:
    trace = _trace(library, tmp_path / "log")
    faults = _faults(trace, tmp_path, _STATES)
    done = Counter(record.kind is Kind.MARKED for record in records(trace))
    figures.show(
        "R2: loss of power",
        f"{_STATES} states of {done[False]} writes and syncs, {done[True]} acknowledgements: {len(faults)} not whole",
        "0 of 10,000",
    )
    assert faults == []


def test_control_without_a_sync_for_each_commit_acknowledged_events_are_lost(library: Path, tmp_path: Path) -> None:
    trace = _trace(library, tmp_path / "log", "NORMAL")
    faults = _faults(trace, tmp_path, _OF_A_CONTROL)
    figures.show("R2: control, synchronous=NORMAL", f"{len(faults)} of {_OF_A_CONTROL} states lost events", "1 or more")
    assert any("acknowledged and lost" in fault for fault in faults)
    assert all("acknowledged and lost" in fault for fault in faults)  # nothing worse: the file is whole


def test_control_a_disk_that_only_says_that_it_synced_leaves_damage(library: Path, tmp_path: Path) -> None:
    trace = _trace(library, tmp_path / "log")
    faults = _faults(trace, tmp_path, _OF_A_CONTROL, lies=True)
    figures.show("R2: control, a disk that lies", f"{len(faults)} of {_OF_A_CONTROL} states not whole", "1 or more")
    assert any("lost" not in fault for fault in faults)
    assert any("lost" in fault for fault in faults)
