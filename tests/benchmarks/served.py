"""A server to measure: ``python -m tests.benchmarks.served URL``.

Reads commands, and answers each with a line of JSON. ``emit RATE SECONDS JOBS [BYTES]`` reports events at a rate,
spread over jobs ``job_0`` …, each with a message of so many bytes: the processor time that the process took.
``memory``: its resident size. ``sockets``: how many it has open.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_TICK_SECONDS = 0.01


def main(url: str) -> None:
    settings = Settings.load({"database_url": url, "max_clients": 20_000, "max_clients_per_address": 20_000})
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings) as reporter:
        print(json.dumps({"port": server.port}), flush=True)
        for line in sys.stdin:
            command, *arguments = line.split()
            if command == "emit":
                answer = _emit(reporter, *map(int, arguments))
            elif command == "sockets":
                answer = _open_sockets()
            else:
                answer = _resident_bytes()
            print(json.dumps(answer), flush=True)


def _emit(reporter: ProgressReporter, rate: int, seconds: int, jobs: int, size: int = 3) -> float:
    for job in range(jobs):
        reporter.start_job(f"job_{job}")
    reporter.flush()
    begun, processor = time.perf_counter(), time.process_time()
    sent = 0
    message = "." * size
    # A pace, not a wait for something to have happened: what is measured is a load of so many events a second.
    while sent < rate * seconds:
        due = min(int((time.perf_counter() - begun) * rate), rate * seconds)
        for index in range(sent, due):
            reporter.update_progress(
                f"job_{index % jobs}", "exif_analysis", 25.0, message, {"sent": time.time_ns() // 1000}
            )
        sent = due
        time.sleep(_TICK_SECONDS / 5)
    reporter.flush()
    return time.process_time() - processor


def _open_sockets() -> int:
    # Not all descriptors: connections to the log are opened as they are needed, and stay.
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the listing itself
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main(sys.argv[1])
