"""P12 and P13: one log on PostgreSQL, and several nodes. The server is the benchmark's own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.benchmarks import processes
from tests.benchmarks.figure import Figure
from tests.benchmarks.recording import EVENTS, GROUP, raw_rows, report, start_jobs
from tests.cluster import Cluster
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_store

_RAW = """
CREATE TABLE raw_head (position bigint);
INSERT INTO raw_head VALUES (0);
CREATE TABLE raw_events (position bigint PRIMARY KEY, job_id text NOT NULL, sequence bigint NOT NULL,
    type text NOT NULL, recorded_at bigint NOT NULL, event_id text, payload text NOT NULL, UNIQUE (job_id, sequence))
"""


@contextlib.contextmanager
def _log() -> Iterator[str]:
    with contextlib.closing(Cluster()) as cluster:
        url = cluster.url(cluster.create_database())
        open_store(url).close()
        yield url


def events_a_second(_: Path) -> float:
    """Four threads of one node report on 100 jobs; until everything is durable."""
    with _log() as url, ProgressReporter(settings=Settings(database_url=url)) as reporter:
        start_jobs(reporter)
        begun = time.perf_counter()
        report(reporter)
        return EVENTS / (time.perf_counter() - begun)


def copied_a_second(_: Path) -> float:
    """The same rows by psycopg's COPY, 500 a transaction, each of which advances a counter row."""
    rows = raw_rows(EVENTS)
    with _log() as url, psycopg.connect(url) as connection:
        connection.execute(_RAW)
        connection.commit()
        begun = time.perf_counter()
        for start in range(0, EVENTS, GROUP):
            connection.execute("UPDATE raw_head SET position = position + %s", (GROUP,))
            with connection.cursor().copy("COPY raw_events FROM STDIN") as copying:
                for row in rows[start : start + GROUP]:
                    copying.write_row(row)
            connection.commit()
        return EVENTS / (time.perf_counter() - begun)


def together(count: int) -> float:
    """Durable events/s of so many nodes, each a process with four threads and jobs of its own."""
    with _log() as url, contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(processes.running("node", url, number)) for number in range(count)]
        for node in nodes:
            node.line()
        begun = time.perf_counter()
        for node in nodes:
            node.say(str(EVENTS // count))
        for node in nodes:
            node.line()
        return EVENTS / (time.perf_counter() - begun)


def of_three_nodes(_: Path) -> float:
    """Three nodes together."""
    return together(3)


def _between_nodes(share: float) -> float:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(_log())
        writing, _ = stack.enter_context(processes.node(url))
        _, port = stack.enter_context(processes.node(url))
        crowd = stack.enter_context(processes.crowd(port, 1, "jobs"))
        writing.ask("emit 200 8 5")
        latencies = sorted(crowd.ask()["latencies"])
    return float(latencies[int(len(latencies) * share)])


def median_between_nodes(_: Path) -> float:
    """Milliseconds from the call on one node to the client of another, at 200 events/s: the median."""
    return _between_nodes(0.5)


def slow_between_nodes(_: Path) -> float:
    """The same: the 99th percentile."""
    return _between_nodes(0.99)


FIGURES = [
    Figure(
        name="P12",
        what="durable events/s of one node on PostgreSQL, 4 threads, 100 jobs, with projection and head",
        yardstick="psycopg COPY of the same rows, 500 a transaction, with a counter row",
        unit="events/s",
        ours=events_a_second,
        theirs=copied_a_second,
        reach=0.5,
    ),
    Figure(
        name="P12b",
        what="the same of three nodes together",
        yardstick="one node",
        unit="events/s",
        ours=of_three_nodes,
        theirs=events_a_second,
        reach=0.8,
    ),
    Figure(
        name="P13",
        what="call on one node to a client of another, 200 events/s, median",
        yardstick="none: milliseconds",
        unit="ms",
        ours=median_between_nodes,
        theirs=None,
        reach=10,
        bound="at most",
        rounds=3,
    ),
    Figure(
        name="P13b",
        what="the same, 99th percentile",
        yardstick="none: milliseconds",
        unit="ms",
        ours=slow_between_nodes,
        theirs=None,
        reach=50,
        bound="at most",
        rounds=3,
    ),
]
