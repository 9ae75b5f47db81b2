"""``python -m tests.faults.system_calls.full_disk URL [CREDULOUS]``: a server on a disk that is full when told.

Prints its port, then obeys the lines ``full`` and ``room``. It reports itself meanwhile, a job on each line
``report``, and prints ``reported`` once all of that is durable. CREDULOUS, the control: a commit that failed is taken
for done.
"""

from __future__ import annotations

import sys

from api.websocket_server import WebSocketServer
from tests.faults.system_calls import credulous, faults
from tests.faults.system_calls.faults import Action, Kind
from tracker.progress_reporter import ProgressReporter

_FOR_LONG = 10**9


def main(url: str, is_credulous: bool) -> None:
    if is_credulous:
        credulous.take_failures_for_done()
    server = WebSocketServer(port=0)
    with ProgressReporter(server, database_url=url) as reporter:
        print(server.port, flush=True)
        for number, line in enumerate(sys.stdin):
            match line.strip():
                case "full":
                    faults.arm(Kind.WRITE, 1, _FOR_LONG, Action.NO_SPACE)
                    print("full", flush=True)
                case "room":
                    faults.disarm()
                    print("room", flush=True)
                case "report":
                    reporter.start_job(f"own-{number}")
                case "flush":
                    reporter.flush()
                    print("reported", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], len(sys.argv) > 2)
