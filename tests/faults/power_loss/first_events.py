"""What is recorded: ``python -m tests.faults.power_loss.first_events FOLDER LOG [unsynced]``.

A log is made in folders that are new, and written to. ``unsynced``: the names of these folders are not synced.
"""

from __future__ import annotations

import sys

from tests.faults.power_loss.marking import mark
from tracker import durable_names
from tracker.progress_reporter import ProgressReporter


def main(folder: str, log: str, *options: str) -> None:
    if "unsynced" in options:
        durable_names.sync_folder = lambda folder: None
    with ProgressReporter(database_url=f"sqlite:///{folder}/{log}") as reporter:
        mark(reporter.start_job("first").wait(), "first")
        for percent in range(3):
            mark(reporter.update_progress("first", "importing", percent).wait(), "first")


if __name__ == "__main__":
    main(*sys.argv[1:])
