"""P9b, P10 and P11: what a log of a million events costs a server that stands on it."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from pathlib import Path

from tests.benchmarks import processes
from tests.benchmarks.figure import Figure
from tests.benchmarks.large_logs import large_log
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.times import now

_LARGE, _DUE = 1_000_000, 100_000
_RATE = 1000
_LEAST_SECONDS = 5.0


def _copied(count: int, folder: Path) -> None:
    shutil.copy(large_log(count), folder / "log.db")


def seconds_longer_to_start(folder: Path) -> float:
    """From the start of the process to an answer of ``/healthz``: how much later than with an empty log."""
    (folder / "empty").mkdir()
    (folder / "large").mkdir()
    _copied(_LARGE, folder / "large")
    with processes.server(folder / "empty"):
        pass  # the first start makes the log
    return _seconds_to_ready(folder / "large") - _seconds_to_ready(folder / "empty")


def _seconds_to_ready(folder: Path) -> float:
    begun = time.perf_counter()
    with processes.server(folder) as (_, port):
        _get(port, "/healthz")
        return time.perf_counter() - begun


def served_memory(folder: Path) -> float:
    """MiB of a server on a large log, after a page of jobs and one client that caught up over all of it."""
    _copied(_LARGE, folder)
    with processes.server(folder) as (server, port):
        _get(port, "/jobs?limit=100")
        with processes.crowd(port, 1, "jobs", 0) as crowd:
            json.loads(crowd.line())
        return float(server.ask("memory")) / 2**20


def longest_wait_beside_pruning(folder: Path) -> float:
    """Milliseconds from a call to its durability, the longest at 1,000 events/s while 100,000 events are pruned."""
    _copied(_DUE, folder)
    settings = Settings(database_url=f"sqlite:///{folder.as_posix()}/log.db", keep_for_seconds=1)
    with ProgressReporter(settings=settings) as reporter:
        reporter.start_job("live").wait()
        removed: list[int] = []
        pruning = threading.Thread(target=lambda: removed.append(reporter.tracker.retention.prune_once(now()).events))
        waits = _waits(reporter, pruning)
    if removed != [_DUE]:
        raise AssertionError(removed)
    return max(waits) * 1000


def longest_wait(folder: Path) -> float:
    """The same, and nothing is pruned."""
    _copied(_DUE, folder)
    with ProgressReporter(settings=Settings(database_url=f"sqlite:///{folder.as_posix()}/log.db")) as reporter:
        reporter.start_job("live").wait()
        return max(_waits(reporter, None)) * 1000


def _waits(reporter: ProgressReporter, beside: threading.Thread | None) -> list[float]:
    waits: list[float] = []
    begun, sent = time.perf_counter(), 0
    if beside is not None:
        beside.start()
    # A pace, not a wait for something to have happened.
    while time.perf_counter() - begun < _LEAST_SECONDS or (beside is not None and beside.is_alive()):
        while sent < (time.perf_counter() - begun) * _RATE:
            called, sent = time.perf_counter(), sent + 1
            receipt = reporter.update_progress("live", "exif_analysis", 25.0)
            receipt.add_done_callback(lambda called=called: waits.append(time.perf_counter() - called))  # type: ignore[misc]
        time.sleep(0.002)
    reporter.flush()
    return waits


def _get(port: int, target: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", target)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, target
    connection.close()


FIGURES = [
    Figure(
        name="P9b",
        what=f"memory of a server with a log of {_LARGE:,} events, after a catch-up over all of it",
        yardstick="none: MiB",
        unit="MiB",
        ours=served_memory,
        theirs=None,
        reach=150,
        bound="at most",
        rounds=3,
    ),
    Figure(
        name="P10",
        what=f"start to ready with {_LARGE:,} events, how much longer than with none",
        yardstick="none: seconds",
        unit="s",
        ours=seconds_longer_to_start,
        theirs=None,
        reach=1,
        bound="at most",
        rounds=5,
    ),
    Figure(
        name="P11",
        what=f"longest wait for a receipt at {_RATE:,} events/s while {_DUE:,} events are pruned",
        yardstick="none: milliseconds",
        unit="ms",
        ours=longest_wait_beside_pruning,
        theirs=None,
        reach=50,
        bound="at most",
    ),
    Figure(
        name="P11b",
        what="the same, and nothing is pruned",
        yardstick="none: milliseconds",
        unit="ms",
        ours=longest_wait,
        theirs=None,
        reach=50,
        bound="at most",
    ),
]
