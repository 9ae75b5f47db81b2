"""Crash states of a recorded process: moments of chance in its trace, and what each leaves of its folder."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tests.faults.power_loss.disk import Disk, Left
from tests.faults.power_loss.trace import Kind, Record, records

SHARES = 2  # processes that look at states
_PASSES = 100
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class State:
    """What a crash left, and what had been promised before it: the number of each mark, and of what it is."""

    left: Left
    promised: dict[int, str]

    def write(self, folder: Path) -> None:
        """Have the folder be what was left."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in self.left.items():
            if content is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(content)


@dataclass(slots=True)
class Findings:
    """How many states were looked at, and the first fault of each that has one."""

    states: int
    faults: list[str]


FaultsOf = Callable[[Path, State], Iterator[str]]


def trace_of(library: Path, folder: Path, workload: str, *arguments: str) -> Path:
    """The trace of ``python -m tests.faults.power_loss.WORKLOAD FOLDER ...`` in a new folder."""
    folder.mkdir(parents=True)
    trace = folder.with_suffix(".trace")
    recording = {"LD_PRELOAD": str(library), "POWER_LOSS_FOLDER": str(folder), "POWER_LOSS_TRACE": str(trace)}
    command = [sys.executable, "-m", f"tests.faults.power_loss.{workload}", str(folder), *arguments]
    subprocess.run(command, env={**os.environ, **recording}, check=True, timeout=120, cwd=_ROOT)
    return trace


def findings(pool: Executor, faults_of: FaultsOf, trace: Path, count: int, *, lies: bool = False) -> Findings:
    """What is wrong with so many states, no two alike; each share of them is of another part of the trace."""
    shares = [pool.submit(_share, faults_of, trace, count // SHARES, share, lies) for share in range(SHARES)]
    found = [share.result() for share in shares]
    return Findings(sum(share.states for share in found), [fault for share in found for fault in share.faults])


def _share(faults_of: FaultsOf, trace: Path, count: int, share: int, lies: bool) -> Findings:
    done = list(records(trace))
    start, end = (len(done) * part // SHARES for part in (share, share + 1))
    folder = trace.with_name(f"{trace.stem}-states-{share}")
    found = Findings(0, [])
    for state in _states(done, range(start + 1, end + 1), count, random.Random(share), lies):
        found.states += 1
        state.write(folder)
        found.faults += islice(faults_of(folder, state), 1)
    return found


def _states(done: list[Record], moments: range, count: int, chance: random.Random, lies: bool) -> Iterator[State]:
    """So many states, no two alike, as far as there are; where a crash leaves nothing new another one is tried."""
    seen = set[int]()
    for _ in range(_PASSES):
        for state in _crashes(done, sorted(chance.choices(moments, k=count - len(seen))), chance, Disk(lies=lies)):
            key = hash((len(state.promised), frozenset(state.left.items())))
            if key not in seen:
                seen.add(key)
                yield state


def _crashes(done: list[Record], moments: list[int], chance: random.Random, disk: Disk) -> Iterator[State]:
    """A crash after each of these numbers of records."""
    at, promised = 0, dict[int, str]()
    for moment in moments:
        for record in done[at:moment]:
            disk.do(record)
            if record.kind is Kind.MARKED:
                promised[record.place] = record.name
        at = moment
        yield State(disk.after_crash(chance), promised.copy())
