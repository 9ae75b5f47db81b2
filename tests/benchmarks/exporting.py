"""P21 and P22: how fast a log is exported and imported, and that memory does not grow with it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.figure import Figure
from tracker.events import Event, JobCompleted, JobStarted, ProgressUpdated
from tracker.export_file import write
from tracker.exporting import Export, Selection
from tracker.importing import import_file
from tracker.store import open_snapshot, open_store
from tracker.store.base import Append
from tracker.store.rows import EVENT_COLUMNS
from tracker.times import now

_EVENTS = 100_000
_EVENTS_A_JOB = 50
_DETAILS = {"camera": "Canon EOS R5", "iso": 800}
_EXPORT = """
import sys
from pathlib import Path
from tests.benchmarks import exporting
print(exporting.peak_megabytes(Path(sys.argv[1])))
"""


def url(folder: Path, name: str = "log.db") -> str:
    return f"sqlite:///{(folder / name).as_posix()}"


def fill(folder: Path, count: int = _EVENTS) -> None:
    """A log of jobs of 50 events each."""
    store = open_store(url(folder))
    at = now()
    for first in range(0, count, 10 * _EVENTS_A_JOB):
        jobs = range(first // _EVENTS_A_JOB, min(first // _EVENTS_A_JOB + 10, count // _EVENTS_A_JOB))
        store.writer.append([Append(tuple(event for job in jobs for event in _job(f"job_{job}")), at)])
    store.close()


def _job(job_id: str) -> list[Event]:
    message = "Analyzing camera settings..."
    progress = ProgressUpdated(stage="exif_analysis", progress=25.0, message=message, details=_DETAILS)
    return [
        Event.of(job_id, JobStarted(photo_id=1)),
        *([Event.of(job_id, progress)] * (_EVENTS_A_JOB - 2)),
        Event.of(job_id, JobCompleted()),
    ]


def export(folder: Path, name: str) -> None:
    with open_snapshot(url(folder)) as log:
        write(folder / name, Export(log, Selection()).lines())


def _rate(prepare: Callable[[Path], None], work: Callable[[Path], object], folder: Path) -> float:
    prepare(folder)
    begun = time.perf_counter()
    work(folder)
    return _EVENTS / (time.perf_counter() - begun)


def exported_a_second(name: str) -> Callable[[Path], float]:
    return lambda folder: _rate(fill, lambda there: export(there, name), folder)


def imported_a_second(folder: Path) -> float:
    def prepare(there: Path) -> None:
        fill(there)
        export(there, "a.jsonl")

    return _rate(prepare, lambda there: import_file(there / "a.jsonl", url(there, "again.db")), folder)


def rows_a_second(folder: Path) -> float:
    """The same rows, read by sqlite3 alone."""

    def read(there: Path) -> None:
        with sqlite3.connect(there / "log.db") as connection:
            for _ in connection.execute(f"SELECT {', '.join(EVENT_COLUMNS)} FROM events ORDER BY position"):
                pass
        connection.close()

    return _rate(fill, read, folder)


def peak_megabytes(folder: Path) -> float:
    """What exporting and importing took of memory, beyond what the same of a small log takes, in this process."""
    small = folder / "small"
    small.mkdir(exist_ok=True)
    fill(small, 1_000)
    _both(small)
    before = _peak()
    _both(folder)
    return _peak() - before


def _peak() -> float:
    # Linux's own: ru_maxrss begins with what the parent had.
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def _both(folder: Path) -> None:
    export(folder, "m.jsonl.zst")
    import_file(folder / "m.jsonl.zst", url(folder, "m.db"))


def memory(folder: Path) -> float:
    """The same in a process of its own."""
    fill(folder)
    command = [sys.executable, "-c", _EXPORT, str(folder)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


_YARDSTICK = "the same rows read by sqlite3 and thrown away"
FIGURES = [
    Figure(
        name="P21",
        what="events/s exported to a file, hashed and synced",
        yardstick=_YARDSTICK,
        unit="events/s",
        ours=exported_a_second("a.jsonl"),
        theirs=rows_a_second,
        reach=0.1,
        rounds=3,
    ),
    Figure(
        name="P21z",
        what="events/s exported to a compressed file",
        yardstick=_YARDSTICK,
        unit="events/s",
        ours=exported_a_second("a.jsonl.zst"),
        theirs=rows_a_second,
        reach=0.05,
        rounds=3,
    ),
    Figure(
        name="P22",
        what="events/s imported, each checked, with projection, statistics and index",
        yardstick=_YARDSTICK,
        unit="events/s",
        ours=imported_a_second,
        theirs=rows_a_second,
        reach=0.01,
        rounds=3,
    ),
    Figure(
        name="P22m",
        what="memory that export and import of 100,000 events take beyond that of 1,000",
        yardstick="none: megabytes",
        unit="MB",
        ours=memory,
        theirs=None,
        reach=64,
        bound="at most",
        rounds=1,
    ),
]
