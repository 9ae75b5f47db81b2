"""A server whose log grows on command: ``python -m tests.acceptance.stream_server DATABASE EVENTS [LOSS]``.

Prints its port. On the first line of standard input it reports EVENTS events over ten jobs and prints ``done``; at the
end of standard input it stops. With LOSS, one event in so many is left out of what is written to WebSocket and
event-stream clients, as a defect might: the log has it, the stream does not.
"""

from __future__ import annotations

import random
import sys

from api.websocket_server import WebSocketServer
from tracker.feed import Delivery, Encode
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

JOBS = 10


def lose(one_in: int) -> None:
    chance = random.Random(1)
    encoded = Delivery.encoded

    def lossy(delivery: Delivery, encode: Encode) -> bytes:
        kept = [event for event in delivery.events if chance.randrange(one_in)]
        return encoded(Delivery(delivery.first, delivery.last, kept), encode)

    Delivery.encoded = lossy  # type: ignore[method-assign,assignment]


def main(database: str, events: int, loss: int) -> None:
    if loss:
        lose(loss)
    server = WebSocketServer(port=0)
    settings = Settings(database_url=f"sqlite:///{database}", checkpoint_interval_seconds=1)
    with ProgressReporter(server, settings=settings) as reporter:
        print(server.port, flush=True)
        sys.stdin.readline()
        for job in range(JOBS):
            reporter.start_job(f"job_{job}", job)
        for index in range(events - JOBS):
            reporter.update_progress(f"job_{index % JOBS}", "importing", index % 100, f"event {index}")
        reporter.flush()
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
