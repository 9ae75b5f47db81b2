"""What is recorded: ``python -m tests.faults.power_loss.workload FOLDER [SYNCHRONOUS]``, with ``recording.c`` loaded.

Reporters on four threads over jobs that begin and end, pruning in between and a write-ahead log that is checkpointed
often, so that all files are written all the time. Each acknowledgement goes into the trace at the moment it is given.
"""

from __future__ import annotations

import sys
import threading
from functools import partial

from tests.faults.power_loss.marking import mark
from tracker.progress_reporter import ProgressReporter
from tracker.receipt import Receipt
from tracker.store import sqlite
from tracker.store.base import Writer

_THREADS = 4
_JOBS = 8  # of each thread
_REPORTS = 6  # on each job
_CHECKPOINT_PAGES = 60


def _acknowledged(receipt: Receipt) -> None:
    event = receipt.result()[-1]
    mark(event.position, event.job_id)


def _noted(receipt: Receipt) -> Receipt:
    receipt.add_done_callback(partial(_acknowledged, receipt))
    return receipt


def _work(reporter: ProgressReporter, thread: int) -> None:
    for number in range(_JOBS):
        job_id = f"job-{thread}-{number}"
        _noted(reporter.start_job(job_id))
        for report in range(_REPORTS):
            _noted(reporter.update_progress(job_id, "importing", report, "x" * (97 * report % 700))).wait()
        if number % 3:
            _noted(reporter.complete_job(job_id)).wait()
        if number % 4 == 3:
            reporter.tracker.recorder.ask(_prune)


def _prune(writer: Writer) -> None:
    while not writer.prune(2**53, 2**53, 20).done:
        pass


def main(folder: str, synchronous: str) -> None:
    # The last ones count.
    pragmas = (f"PRAGMA synchronous = {synchronous}", f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    sqlite._WRITER_PRAGMAS += pragmas  # type: ignore[assignment]
    with ProgressReporter(database_url=f"sqlite:///{folder}/log.db") as reporter:
        threads = [threading.Thread(target=_work, args=(reporter, number)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "FULL")
