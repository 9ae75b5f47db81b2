"""R8 and R10, reporting to a server: an overloaded queue drops nothing silently; what is repeated is recorded once."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from uuid_utils import uuid7

from api.websocket_server import WebSocketServer
from tests import figures
from tests.acceptance import logs
from tracker.errors import RecorderFull
from tracker.intake_queue import IntakeQueue
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_QUEUE, _CALLERS = 200, 10
_CALLS = 200 * (10 if _LONG else 1)  # a caller: together 10 times, or 100 times, what the queue holds
_BATCHES = 1000 if _LONG else 100
_EVENTS_A_BATCH = 10
_TIMES = 3


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def _numbers(log: Path) -> Counter[str]:
    """How often each event is in the log, by its message."""
    payloads = [json.loads(event.payload) for event in logs.events(log) if event.type == "job_progress"]
    return Counter(payload["message"] for payload in payloads)


def _call_all(reporter: ProgressReporter, caller: int, overloaded: threading.Barrier) -> tuple[set[str], set[str]]:
    """Half of the calls while the log takes nothing, the others while it takes what it can."""
    accepted, refused = set(), set()
    for number in range(_CALLS):
        name = f"{caller}/{number}"
        if number == _CALLS // 2:
            overloaded.wait(60)
        try:
            reporter.update_progress("job", "importing", 1, name)
            accepted.add(name)
        except RecorderFull:
            refused.add(name)
    return accepted, refused


def _overload(url: str, log: Path, folder: Path) -> tuple[set[str], set[str]]:
    """What was accepted, and what was refused; all of it is settled."""
    settings = Settings(spool_folder=str(folder), queue_events=_QUEUE, queue_timeout_seconds=0.01)
    overloaded = threading.Barrier(_CALLERS + 1)
    with (
        ProgressReporter(url, settings=settings) as reporter,
        closing(sqlite3.connect(log, isolation_level=None)) as lock,
        ThreadPoolExecutor(_CALLERS) as pool,
    ):
        reporter.start_job("job").wait(20)
        lock.execute("BEGIN IMMEDIATE")  # the log takes nothing
        calls = [pool.submit(_call_all, reporter, caller, overloaded) for caller in range(_CALLERS)]
        overloaded.wait(60)
        lock.execute("ROLLBACK")
        results = [call.result() for call in calls]
        reporter.flush(60)
    accepted, refused = (set().union(*names) for names in zip(*results, strict=True))
    return accepted, refused


def test_r8_what_an_overloaded_queue_accepted_is_recorded_and_the_rest_was_refused_to_its_caller(
    served: ProgressReporter, server: WebSocketServer, log: Path, tmp_path: Path
) -> None:
    accepted, refused = _overload(server.url, log, tmp_path / "spool")
    recorded = _numbers(log)
    figures.show(
        "R8: a reporter to a server, overloaded",
        f"{_CALLS * _CALLERS} calls on a queue of {_QUEUE}: {len(accepted)} accepted, {len(refused)} refused, "
        f"{len(accepted - recorded.keys())} accepted and not recorded",
        "0 silent drops",
    )
    assert refused, "the queue was never full"
    assert len(accepted) + len(refused) == _CALLS * _CALLERS
    assert recorded == Counter(accepted)


def test_control_a_queue_that_drops_silently_is_found_out(
    served: ProgressReporter, server: WebSocketServer, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = IntakeQueue.put

    def put_or_drop(*arguments: Any, **options: Any) -> None:
        with suppress(RecorderFull):
            put(*arguments, **options)

    monkeypatch.setattr(IntakeQueue, "put", put_or_drop)
    accepted, refused = _overload(server.url, log, tmp_path / "spool")
    assert not refused
    assert accepted - _numbers(log).keys()


def _send(port: int, body: bytes, *, hear: bool) -> None:
    """Post events; without ``hear`` the connection is closed as soon as the answer begins."""
    head = (
        f"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        answer = connection.recv(12)
        while hear and (more := connection.recv(65_536)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 200")


def _send_thrice(port: int, with_ids: bool) -> None:
    for batch in range(_BATCHES):
        events: list[dict[str, Any]] = [
            {
                "type": "job_progress",
                "job_id": "job",
                "stage": "importing",
                "progress": 1,
                "message": f"{batch}/{number}",
            }
            for number in range(_EVENTS_A_BATCH)
        ]
        if with_ids:
            events = [{**event, "event_id": str(uuid7())} for event in events]
        body = json.dumps(events).encode()
        for attempt in range(_TIMES):
            _send(port, body, hear=attempt == _TIMES - 1)


def test_r10_what_is_sent_three_times_is_recorded_once(
    served: ProgressReporter, server: WebSocketServer, log: Path
) -> None:
    served.start_job("job").wait(20)
    _send_thrice(server.port, with_ids=True)
    recorded = _numbers(log)
    duplicates = sum(recorded.values()) - len(recorded)
    sent = _BATCHES * _EVENTS_A_BATCH
    figures.show(
        "R10: every append sent again",
        f"{sent} events sent {_TIMES} times, 2 of 3 answers dropped: {duplicates} duplicates",
        "0 duplicates",
    )
    assert len(recorded) == sent
    assert duplicates == 0


def test_control_without_ids_what_is_sent_three_times_is_recorded_three_times(
    served: ProgressReporter, server: WebSocketServer, log: Path
) -> None:
    served.start_job("job").wait(20)
    _send_thrice(server.port, with_ids=False)
    assert set(_numbers(log).values()) == {_TIMES}
