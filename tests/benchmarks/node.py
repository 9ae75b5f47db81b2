"""A node to measure: ``python -m tests.benchmarks.node URL NUMBER``. It reports as many events as a line says."""

from __future__ import annotations

import sys

from tests.benchmarks.recording import report, start_jobs
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings


def main(url: str, number: str) -> None:
    """Says ``ready``, and after each line that it has reported so many."""
    with ProgressReporter(settings=Settings(database_url=url)) as reporter:
        start_jobs(reporter, number)
        print("ready", flush=True)
        for line in sys.stdin:
            report(reporter, number, int(line))
            print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
