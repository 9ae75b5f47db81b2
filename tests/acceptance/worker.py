"""A process that reports to a server: ``python -m tests.acceptance.worker URL SPOOL JOB COUNT [plain]``.

Reports COUNT progress events of the job, numbered in their details, and says how many are spooled whenever it looks.
``plain``: without the ids that make an event's repetition harmless, the control.
"""

from __future__ import annotations

import sys
import time

from tracker.events import Event
from tracker.messages import event_text
from tracker.progress_reporter import ProgressReporter
from tracker.remote import receipts as receipts_module
from tracker.remote.receipts import RemoteReceipt
from tracker.settings import Settings

_LOOKS_EVERY = 20


def without_id(event: Event, reported_at: int) -> bytes:
    return event_text(Event(event.job_id, event.type, event.payload), reported_at)


def main(url: str, folder: str, job_id: str, count: int) -> None:
    receipts: list[RemoteReceipt] = []
    said = 0
    with ProgressReporter(url, settings=Settings(spool_folder=folder)) as reporter:
        reporter.start_job(job_id)
        for number in range(count):
            receipt = reporter.update_progress(job_id, "importing", number % 100, details={"number": number})
            assert isinstance(receipt, RemoteReceipt)
            receipts.append(receipt)
            if number % _LOOKS_EVERY == 0:
                while said < len(receipts) and receipts[said].promise in ("spooled", "durable"):
                    said += 1
                print(said, flush=True)
                time.sleep(0.002)  # a worker does something between its reports
        reporter.flush()
        print(count, flush=True)


if __name__ == "__main__":
    if sys.argv[5:] == ["plain"]:
        receipts_module.event_text = without_id  # type: ignore[attr-defined]
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
