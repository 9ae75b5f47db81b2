"""The reporter that reports to a server: against real servers, and against what is none."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.api.test_gate import Keys
from tracker.errors import (
    InvalidEvent,
    InvalidQuery,
    JobFinished,
    JobNotFound,
    RecorderClosed,
    RecorderFull,
    ServerRefused,
    ServerUnreachable,
)
from tracker.events import RecordedEvent
from tracker.progress_reporter import ProgressReporter
from tracker.remote import sender as sender_module
from tracker.remote.receipts import RemoteReceipt
from tracker.settings import Settings

PATIENCE_SECONDS = 20
WITHIN_SECONDS = 5  # of closing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_LONGEST_PAUSE", 0.05)


@contextmanager
def reporting(url: str, folder: Path, token: str | None = None, **settings: Any) -> Iterator[ProgressReporter]:
    chosen = Settings(spool_folder=str(folder), **settings)
    with ProgressReporter(url, settings=chosen, token=token) as reporter:
        yield reporter


@pytest.fixture
def remote(served: ProgressReporter, server: WebSocketServer, folder: Path) -> Iterator[ProgressReporter]:
    with reporting(server.url, folder) as reporter:
        yield reporter


def spooled_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*.spool") if path.stat().st_size > len(b"jobreel spool 1\n")]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def positions(reporter: ProgressReporter) -> list[str]:
    rows = reporter.tracker.recorder.ask(lambda log: log.read(0, 1000))
    return [f"{row.type} {row.job_id}" for row in rows]


@pytest.fixture
def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_the_six_calls_record_what_they_record_in_a_log_of_ones_own(
    remote: ProgressReporter, served: ProgressReporter
) -> None:
    for reporter, job_id in ((remote, "remote"), (served, "own")):
        reporter.start_job(job_id, 456, {"file_name": "IMG_001.CR3"})
        reporter.update_progress(job_id, "exif_analysis", 25, "Analyzing…", {"camera": "R5"})
        reporter.complete_stage(job_id, "exif_analysis", {"iso": 800})
        reporter.send_photo_info(job_id, {"ai_score": 4.2})
        reporter.report_error(job_id, "io", "lost", {"detail": 1}, "exporting")
        reporter.complete_job(job_id, result={"preset": "x"}, duration=15.5)
        reporter.flush()
    rows = served.tracker.recorder.ask(lambda log: log.read(0, 100))
    own, theirs = ([_content(row) for row in rows if row.job_id == job_id] for job_id in ("own", "remote"))
    assert theirs == own


def _content(row: RecordedEvent) -> tuple[str, int, str]:
    times = re.compile(r'("occurred_at":"[^"]*",?)|("completed_at":"[^"]*")')
    return row.type, row.sequence, times.sub("", row.payload).replace(",}", "}")


def test_a_receipt_says_how_far_its_event_is(remote: ProgressReporter, served: ProgressReporter) -> None:
    receipt = remote.start_job("j")
    assert receipt.wait(PATIENCE_SECONDS) == 1
    assert isinstance(receipt, RemoteReceipt)
    assert receipt.promise == "durable"
    (row,) = served.tracker.recorder.ask(lambda log: log.read(0, 10))
    (recorded,) = receipt.result()
    assert (recorded.position, recorded.sequence, recorded.event_id) == (row.position, row.sequence, row.event_id)
    assert (recorded.job_id, recorded.type, recorded.recorded_at) == (row.job_id, row.type, row.recorded_at)


async def test_a_receipt_can_be_awaited(remote: ProgressReporter) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        (recorded,) = await remote.start_job("j")
    assert recorded.position == 1


def test_what_the_server_refuses_is_on_the_receipt_and_the_rest_goes_on(
    remote: ProgressReporter, served: ProgressReporter, caplog: pytest.LogCaptureFixture
) -> None:
    remote.start_job("j")
    refused = [remote.update_progress(f"unknown {number}", "importing", 1) for number in range(3)]
    good = [remote.update_progress("j", "importing", number) for number in range(50)]
    refused.insert(1, remote.update_progress("unknown 9", "importing", 1))
    remote.flush(PATIENCE_SECONDS)
    for receipt in refused:
        with pytest.raises(JobNotFound) as caught:
            receipt.wait(PATIENCE_SECONDS)
        assert caught.value.job_id.startswith("unknown")
    assert [receipt.wait() for receipt in good] == list(range(2, 52))
    assert "'unknown 0' was not recorded" in caplog.text


def test_what_is_wrong_by_itself_is_refused_at_the_call(remote: ProgressReporter) -> None:
    remote.start_job("j")
    with pytest.raises(InvalidEvent):
        remote.update_progress("j", "importing", 101)
    with pytest.raises(InvalidEvent):
        remote.update_progress("j", "no_stage", 1)
    remote.complete_job("j")
    with pytest.raises(JobFinished):
        remote.update_progress("j", "importing", 1)


def test_status_comes_after_what_was_reported(remote: ProgressReporter) -> None:
    remote.start_job("a/b c", 7)
    remote.update_progress("a/b c", "importing", 33.5)
    found = remote.get_job_status("a/b c")
    assert found is not None
    assert (found["progress"], found["photo_id"]) == (33.5, 7)
    assert list(remote.get_active_jobs()) == ["a/b c"]
    assert remote.get_job_status("nobody") is None


def test_a_server_that_comes_later_gets_everything(folder: Path, free_url: str, settings: Settings) -> None:
    with reporting(free_url, folder) as remote:
        receipts = [remote.start_job("j"), *[remote.update_progress("j", "importing", n) for n in range(20)]]
        until(lambda: all(isinstance(one, RemoteReceipt) and one.promise == "spooled" for one in receipts))
        assert spooled_files(folder) != []
        with ProgressReporter(WebSocketServer(port=int(free_url.rpartition(":")[2])), settings=settings):
            assert [receipt.wait(PATIENCE_SECONDS) for receipt in receipts] == list(range(1, 22))
    assert spooled_files(folder) == []


def test_a_server_that_restarts_gets_each_event_once(folder: Path, free_url: str, settings: Settings) -> None:
    port = int(free_url.rpartition(":")[2])
    with reporting(free_url, folder) as remote:
        receipts = [remote.start_job("j")]
        for turn in range(3):
            with ProgressReporter(WebSocketServer(port=port), settings=settings):
                receipts += [remote.update_progress("j", "importing", n, str(turn)) for n in range(100)]
                receipts[-50].wait(PATIENCE_SECONDS)
        with ProgressReporter(WebSocketServer(port=port), settings=settings) as served:
            assert [receipt.wait(PATIENCE_SECONDS) for receipt in receipts] == list(range(1, 302))
            assert len(positions(served)) == 301


def test_what_is_left_at_the_end_is_delivered_by_the_next(
    folder: Path, free_url: str, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.remote.reporting._CLOSE_SECONDS", 0.2)
    with reporting(free_url, folder) as remote:
        receipt = remote.start_job("j")
        remote.update_progress("j", "importing", 1)
    with pytest.raises(RecorderClosed, match="spooled"):
        receipt.result()
    assert "2 events are not delivered" in caplog.text
    with (
        ProgressReporter(WebSocketServer(port=int(free_url.rpartition(":")[2])), settings=settings) as served,
        reporting(free_url, folder) as remote,
    ):
        remote.complete_job("j").wait(PATIENCE_SECONDS)
        assert positions(served) == ["job_started j", "job_progress j", "job_completed j"]
    assert spooled_files(folder) == []


def test_without_a_spool_what_is_lost_is_said(
    folder: Path, free_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.remote.reporting._CLOSE_SECONDS", 0.1)
    with reporting(free_url, folder, spool=False) as remote:
        receipt = remote.start_job("j")
        assert isinstance(receipt, RemoteReceipt)
    assert receipt.promise == "refused"
    assert "1 events were not delivered" in caplog.text
    assert not folder.exists()


def test_closing_takes_no_longer_than_five_seconds(folder: Path, free_url: str) -> None:
    with reporting(free_url, folder) as remote:
        remote.start_job("j")
        begun = time.monotonic()
    assert time.monotonic() - begun < WITHIN_SECONDS + 1
    remote.close()
    with pytest.raises(RecorderClosed):
        remote.start_job("k")


def test_a_full_queue_is_an_error_at_once_while_the_server_is_away(
    folder: Path, free_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.remote.reporting._CLOSE_SECONDS", 0.1)
    with reporting(free_url, folder, queue_events=10) as remote:
        receipts = [remote.start_job("j")]
        until(lambda: remote._log._sender.is_away)  # type: ignore[union-attr]
        begun = time.monotonic()
        receipts += [remote.update_progress("j", "importing", number) for number in range(9)]
        with pytest.raises(RecorderFull, match="This event was not recorded"):
            remote.update_progress("j", "importing", 10)
        assert time.monotonic() - begun < 1


def test_a_folder_that_cannot_be_written_is_said_once_and_reporting_goes_on(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file")
    with reporting(server.url, occupied) as remote:
        remote.start_job("j")
        assert [remote.update_progress("j", "importing", n).wait(PATIENCE_SECONDS) for n in range(5)] == [2, 3, 4, 5, 6]
    assert caplog.text.count("cannot be spooled") == 1


@pytest.mark.parametrize("url", ["", "ftp://photos", "http://", "http://photos:port", "http://user:secret@photos"])
def test_what_is_no_url_is_an_error_at_once(url: str) -> None:
    with pytest.raises(InvalidQuery):
        ProgressReporter(url)


def test_the_environment_names_the_server(
    served: ProgressReporter, server: WebSocketServer, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKER_URL", server.url)
    monkeypatch.setenv("TRACKER_SPOOL_FOLDER", str(folder))
    with ProgressReporter() as remote:
        assert remote.start_job("j").wait(PATIENCE_SECONDS) == 1
    with ProgressReporter(database_url=f"sqlite:///{tmp_path / 'own.db'}") as own:
        assert own.get_job_status("j") is None


class TestTokens:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True)

    def test_a_token_is_sent_and_a_bad_one_keeps_events_until_somebody_looks(
        self,
        served: ProgressReporter,
        server: WebSocketServer,
        folder: Path,
        settings: Settings,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("tracker.remote.reporting._CLOSE_SECONDS", 0.2)
        keys = Keys(settings.database_url)
        with reporting(server.url, folder, "nonsense") as wrong:
            receipt = wrong.start_job("j")
            assert isinstance(receipt, RemoteReceipt)
            until(lambda: "are kept for" in caplog.text)
            assert receipt.promise in ("queued", "spooled")
        assert "nonsense" not in caplog.text
        with reporting(server.url, folder, keys.make("report")) as right:
            assert right.update_progress("j", "importing", 1).wait(PATIENCE_SECONDS) == 2
            with pytest.raises(ServerRefused, match="scope 'read'"):
                right.get_job_status("j")
        keys.close()

    def test_a_token_for_other_jobs_refuses_only_those(
        self, served: ProgressReporter, server: WebSocketServer, folder: Path, settings: Settings
    ) -> None:
        keys = Keys(settings.database_url)
        with reporting(server.url, folder, keys.make("report", prefixes=("a/",))) as remote:
            first, second, third = remote.start_job("a/1"), remote.start_job("b/1"), remote.start_job("a/2")
            assert (first.wait(PATIENCE_SECONDS), third.wait(PATIENCE_SECONDS)) == (1, 2)
            with pytest.raises(Exception, match="jobs whose id begins with a/"):
                second.wait(PATIENCE_SECONDS)
        keys.close()


class _Strange(BaseHTTPRequestHandler):
    answer: tuple[int, bytes] = (200, b"<html>Welcome to the proxy</html>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815  # the library's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Welcome to the proxy</html>", "not a tracker's server"),
        (200, b'{"success":true}', "another version"),
        (302, b"", "not a tracker's server"),
        (404, b'{"success":false,"error":"There is nothing at /events.","code":"not_found"}', "There is nothing"),
        (500, b'{"success":false,"error":"The server failed.","code":"internal_error"}', "The server failed"),
    ],
)
def test_what_is_no_server_of_ours_gets_nothing_twice_and_loses_nothing(
    status: int,
    body: bytes,
    said: str,
    folder: Path,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker.remote.reporting._CLOSE_SECONDS", 0.2)
    caplog.set_level(logging.INFO, "tracker.remote")
    handler = type("Handler", (_Strange,), {"answer": (status, body)})
    with HTTPServer(("127.0.0.1", 0), handler) as strange:
        port = strange.server_port
        thread = threading.Thread(target=strange.serve_forever, args=(0.01,))
        thread.start()
        with reporting(f"http://127.0.0.1:{port}", folder) as remote:
            remote.start_job("j")
            until(lambda: said in caplog.text)
        strange.shutdown()
        thread.join()
    assert caplog.text.count("are kept for") == 1
    with (
        ProgressReporter(WebSocketServer(port=port), settings=settings) as served,
        reporting(f"http://127.0.0.1:{port}", folder) as remote,
    ):
        remote.complete_job("j").wait(PATIENCE_SECONDS)
        assert positions(served) == ["job_started j", "job_completed j"]


def test_a_status_that_cannot_be_had_says_why(free_url: str, folder: Path) -> None:
    with reporting(free_url, folder) as remote, pytest.raises(ServerUnreachable, match="nobody listens there"):
        remote.get_job_status("j")


def _report_from_child(reporter: ProgressReporter) -> None:
    for number in range(10):
        reporter.update_progress("j", "importing", number, "child")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
def test_a_forked_child_reports_for_itself_and_repeats_nothing(
    remote: ProgressReporter, served: ProgressReporter
) -> None:
    remote.start_job("j").wait(PATIENCE_SECONDS)
    mine = [remote.update_progress("j", "importing", number, "parent") for number in range(10)]
    children = [
        multiprocessing.get_context("fork").Process(target=_report_from_child, args=(remote,)) for _ in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE_SECONDS)
        assert child.exitcode == 0
    assert all(receipt.wait(PATIENCE_SECONDS) for receipt in mine)
    assert remote.complete_job("j").wait(PATIENCE_SECONDS) == 1 + 10 + 30 + 1
    assert len(positions(served)) == 42


_SCRIPT = """
import sys
from tracker.progress_reporter import init_progress_reporter
if __name__ == "__main__":
    reporter = init_progress_reporter(sys.argv[1])
    reporter.start_job("j")
    for number in range(200):
        reporter.update_progress("j", "importing", number % 100)
    {end}
"""


@pytest.mark.parametrize("end", ["pass", "raise ValueError", "sys.exit(3)"])
def test_a_script_that_ends_has_delivered_everything(
    end: str, served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT.format(end=end))
    environment = {**os.environ, "TRACKER_SPOOL_FOLDER": str(tmp_path / "spool")}
    subprocess.run([sys.executable, str(script), server.url], env=environment, check=False, stderr=subprocess.DEVNULL)
    assert len(positions(served)) == 201
