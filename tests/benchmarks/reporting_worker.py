"""A worker to measure: ``python -m tests.benchmarks.reporting_worker URL SPOOL EVENTS NUMBER``.

Says ``ready``, reports after a line of standard input, and says ``durable``.
"""

from __future__ import annotations

import sys

from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_JOBS = 25


def main(url: str, folder: str, events: int, number: str) -> None:
    with ProgressReporter(url, settings=Settings(spool_folder=folder)) as reporter:
        for job in range(_JOBS):
            reporter.start_job(f"job_{number}_{job}", job)
        reporter.flush()
        print("ready", flush=True)
        sys.stdin.readline()
        for index in range(events):
            reporter.update_progress(
                f"job_{number}_{index % _JOBS}", "exif_analysis", 25.0, "Analyzing camera settings...", {"iso": 800}
            )
        reporter.flush()
        print("durable", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
