"""P2r and P15: what it costs to report to a server from other processes."""

from __future__ import annotations

import contextlib
import statistics
import time
from pathlib import Path

from tests.benchmarks import processes
from tests.benchmarks.figure import Figure
from tests.benchmarks.recording import durable_events_a_second, microseconds_a_put
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_WORKERS = 4
_EVENTS_A_WORKER = 15_000
_CALLS = 20_000


def microseconds_a_remote_call(folder: Path) -> float:
    """One thread, receipts ignored, the server in another process; the median call."""
    settings = Settings(spool_folder=str(folder / "spool"))
    with processes.server(folder) as (_, port), ProgressReporter(f"http://127.0.0.1:{port}", settings=settings) as one:
        one.start_job("job", 1)
        costs = []
        for _ in range(_CALLS):
            begun = time.perf_counter_ns()
            one.update_progress("job", "exif_analysis", 25.0, "Analyzing camera settings...", {"iso": 800})
            costs.append(time.perf_counter_ns() - begun)
        one.flush()
    return statistics.median(costs) / 1000


def remote_events_a_second(folder: Path) -> float:
    """Four worker processes into one server; from the first call until all is durable."""
    with contextlib.ExitStack() as stack:
        _, port = stack.enter_context(processes.server(folder))
        place = (f"http://127.0.0.1:{port}", folder / "spool", _EVENTS_A_WORKER)
        workers = [
            stack.enter_context(processes.running("reporting_worker", *place, number)) for number in range(_WORKERS)
        ]
        for worker in workers:
            worker.line()  # it is ready
        begun = time.perf_counter()
        for worker in workers:
            worker.say()
        for worker in workers:
            worker.line()  # all is durable
        return _WORKERS * _EVENTS_A_WORKER / (time.perf_counter() - begun)


FIGURES = [
    Figure(
        name="P2r",
        what="cost of one update_progress to its caller, reporting to a server, median",
        yardstick="orjson.dumps + queue.put of the same dictionary, median",
        unit="µs",
        ours=microseconds_a_remote_call,
        theirs=microseconds_a_put,
        reach=2.0,
        bound="at most",
        rounds=3,
    ),
    Figure(
        name="P15",
        what="durable events/s of 4 worker processes, spooled, through one server",
        yardstick="P1: 4 threads with a log of their own",
        unit="events/s",
        ours=remote_events_a_second,
        theirs=durable_events_a_second,
        reach=0.5,
        rounds=3,
    ),
]
