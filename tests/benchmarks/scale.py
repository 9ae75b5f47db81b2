"""What grows with the log and what does not: ``python -m tests.benchmarks.scale [--json FILE] [--plot FILE] [SIZE …]``.

For logs of 10,000, 1,000,000 and 10,000,000 events, in jobs of 100 events. The largest takes some 6 GB of the
temporary folder, and most of the quarter of an hour that this takes goes into building it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import large_logs, plot, processes, report
from tests.benchmarks.recording import update
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_store

_SIZES = (10_000, 1_000_000, 10_000_000)
_EVENTS_A_JOB = 100
_ASKED = 50
_RECENT = 200_000
_APPENDED = 60_000

Row = dict[str, float]


def _url(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


def _served(path: Path, count: int) -> Row:
    """What a server on the log costs, and how fast it answers."""
    begun = time.perf_counter()
    with processes.server(path.parent) as (server, port):
        ready = time.perf_counter() - begun
        asked = {
            "GET /jobs, median ms": _median_ms(port, "/jobs"),
            "GET /progress/job/{id}, median ms": _median_ms(port, "/progress/job/job_7"),
            "GET /events near the end, median ms": _median_ms(port, f"/events?after={count - 600}&limit=500"),
            "GET /stats, median ms": _median_ms(port, "/stats"),
        }
        after = max(0, count - _RECENT)
        with processes.crowd(port, 1, "jobs", after) as crowd:
            seconds = float(json.loads(crowd.line())["seconds"])
        return {
            "start to ready, s": ready,
            **asked,
            "catch-up over the last 200,000, events/s": (count - after) / seconds,
            "resident memory of the server, MiB": float(server.ask("memory")) / 2**20,
        }


def _median_ms(port: int, target: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken = []
    for _ in range(_ASKED):
        begun = time.perf_counter()
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer.status == 200, target
    connection.close()
    return statistics.median(taken)


def _appended(path: Path, _: int) -> Row:
    """One thread reports on 100 jobs of its own, on top of the log."""
    with ProgressReporter(settings=Settings(database_url=_url(path))) as reporter:
        for job in range(100):
            reporter.start_job(f"live_{job}", job)
        reporter.flush()
        begun = time.perf_counter()
        for index in range(_APPENDED):
            update(reporter, f"live_{index % 100}")
        reporter.flush()
        return {"appended, events/s": _APPENDED / (time.perf_counter() - begun)}


def _rebuilt(path: Path, count: int) -> Row:
    """The projections folded anew."""
    store = open_store(_url(path))
    begun = time.perf_counter()
    store.writer.rebuild()
    taken = time.perf_counter() - begun
    store.close()
    return {"rebuild, events/s": count / taken}


_MEASURES: tuple[Callable[[Path, int], Row], ...] = (_served, _appended, _rebuilt)


def measured(count: int, parent: Path) -> Row:
    """All of it for a log of ``count`` events, which is built for it and removed."""
    folder = parent / str(count)
    folder.mkdir()
    path = folder / "log.db"
    begun = time.perf_counter()
    large_logs.build(path, count, _EVENTS_A_JOB)
    row = {"built here, s": time.perf_counter() - begun, "on disk, bytes an event": path.stat().st_size / count}
    for measure in _MEASURES:
        row |= measure(path, count)
    shutil.rmtree(folder)
    return row


def _table(rows: dict[int, Row]) -> Table:
    table = Table(title=f"{report.machine()}\njobs of {_EVENTS_A_JOB} events each")
    table.add_column("")
    for count in rows:
        table.add_column(f"{count:,} events", justify="right")
    for name in next(iter(rows.values())):
        table.add_row(name, *(f"{row[name]:,.1f}" for row in rows.values()))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=_SIZES, metavar="SIZE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="jobreel-scale-") as folder:
        rows = {count: measured(count, Path(folder)) for count in options.sizes}
    Console(width=130).print(_table(rows))
    if options.json:
        options.json.write_text(json.dumps({"machine": report.machine(), "sizes": rows}, indent=1))
    if options.plot:
        options.plot.write_text(plot.growth(rows))


if __name__ == "__main__":
    main()
