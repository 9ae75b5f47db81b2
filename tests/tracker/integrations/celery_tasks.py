"""The app that the test's worker runs; its broker is a folder."""

from __future__ import annotations

import os
import signal

from celery import Celery, Task
from kombu.transport import TRANSPORT_ALIASES

from tracker.integrations.celery import connect, current_job, progress

_FOLDER = os.environ["TEST_BROKER"]

TRANSPORT_ALIASES["filesystem"] = "tests.tracker.integrations.whole_messages:Transport"
app = Celery("photos", broker="filesystem://", backend=None)
app.conf.update(
    broker_transport_options={
        "data_folder_in": f"{_FOLDER}/queue",
        "data_folder_out": f"{_FOLDER}/queue",
        "control_folder": f"{_FOLDER}/control",
        "polling_interval": 0.05,
    },
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
connect()


@app.task
def develop(number: int) -> dict[str, int]:
    progress(40, f"Photo {number}", {"number": number})
    return {"number": number, "pid": os.getpid()}


@app.task(stages=["scan", "print"])
def staged() -> str:
    with current_job().stage("scan") as stage:
        stage.progress(30)
    progress(60, stage="print")
    return "done"


@app.task
def broken() -> None:
    raise LookupError("no film")


@app.task(stages=["scan"])
def broken_stage() -> None:
    with current_job().stage("scan"):
        raise LookupError("no film")


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def flaky(self: Task) -> int:  # type: ignore[type-arg]
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return int(self.request.retries)


@app.task
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def careless() -> int:
    progress(500, "of no account")
    return 7
