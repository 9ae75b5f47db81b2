from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import sys
import threading
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from api.cli.serve import _serve
from api.cli.signals import StopRequest
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

from .conftest import Run, Start
from .processes import Running

_no_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send a process Ctrl-C or SIGTERM")


def _url(serving: Running) -> str:
    url = serving.line("Serving on ").split()[-1]
    serving.line("stop   Ctrl-C")
    return url


async def _report(session: aiohttp.ClientSession, url: str, job_id: str) -> None:
    async with session.post(f"{url}/progress/start", json={"job_id": job_id}) as answer:
        assert (await answer.json())["success"] is True


def _job_ids(log: Path) -> list[str]:
    connection = sqlite3.connect(log)
    try:
        return [job_id for (job_id,) in connection.execute("SELECT job_id FROM events ORDER BY position")]
    finally:
        connection.close()


@_no_signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_signal_ends_it_cleanly_while_a_client_is_connected(
    start: Start, log: Path, number: signal.Signals, times: int
) -> None:
    serving = start("serve", "--port", "0")
    url = await asyncio.to_thread(_url, serving)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as client:
        await client.send_json({"type": "subscribe", "channels": ["jobs"]})
        while (await client.receive_json(timeout=20))["type"] != "subscription_confirmed":
            pass
        await _report(session, url, "before")
        while (await client.receive_json(timeout=20)).get("job_id") != "before":
            pass
        for _ in range(times):
            serving.signal(number)
        goodbye = await client.receive(timeout=20)
        assert (goodbye.type, goodbye.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.SERVICE_RESTART)
    code, out, err = await asyncio.to_thread(serving.end)
    assert (code, err) == (0, "")
    assert out.endswith("Stopped.\n")
    assert _job_ids(log) == ["before"]
    # Closed as it should be: nothing is left beside the log, and the next one may have it.
    assert not log.with_name("log.db-wal").exists()
    ProgressReporter(settings=Settings(database_url=f"sqlite:///{log.as_posix()}")).close()


@_no_signals
def test_hanging_up_ends_it_cleanly(start: Start) -> None:
    serving = start("serve", "--port", "0")
    _url(serving)
    serving.signal(signal.SIGHUP)
    assert serving.end()[0] == 0


def test_it_says_where_it_listens_where_the_log_is_and_how_to_watch_and_stop(start: Start, log: Path) -> None:
    serving = start("serve", "--port", "0")
    url = serving.line("Serving on ").split()[-1]
    assert str(log) in serving.line("  log ")
    assert f"tracker tail --url {url}" in serving.line("  watch ")
    serving.line("  stop   Ctrl-C")
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert json.load(answer)["success"] is True


def test_another_process_is_told_who_has_the_log_and_where(start: Start, run: Run) -> None:
    url = _url(start("serve", "--port", "0"))
    for command in (["serve", "--port", "0"], ["prune"], ["demo", "--port", "0"]):
        result = run(*command)
        assert result.exit_code == 1
        assert f"which serves it at {url}" in result.stderr
        assert result.stderr.count("\n") == 1


def test_status_reads_beside_it(start: Start, run: Run) -> None:
    url = _url(start("serve", "--port", "0"))
    body = json.dumps({"job_id": "here"}).encode()
    request = urllib.request.Request(f"{url}/progress/start", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    assert json.loads(run("status", "here", "--json").stdout)["job_status"]["status"] == "active"


def test_a_port_that_is_taken_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Cannot listen on 127.0.0.1:{port}: the port is in use.")
    assert result.stderr.count("\n") == 1


def test_ctrl_c_works_again_after_a_start_that_failed(run: Run) -> None:
    before = signal.getsignal(signal.SIGINT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run("serve", "--port", str(taken.getsockname()[1]))
    assert signal.getsignal(signal.SIGINT) is before


async def _serve_until_told(settings: Settings) -> None:
    stop = StopRequest()
    stop.make()
    await _serve(settings, stop)


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
async def test_it_warns_when_other_machines_can_reach_it(
    database_url: str, capsys: pytest.CaptureFixture[str], host: str, warns: bool
) -> None:
    await _serve_until_told(Settings(database_url=database_url, host=host, port=0))
    out, err = capsys.readouterr()
    assert out.startswith("Serving on http://")
    assert ("every other address of this machine" in out) is warns
    assert ("Warning: " in err) is warns
    assert ("Whoever reaches it can read the log and write to it" in err) is warns


async def test_a_stop_request_is_heard_from_any_thread_before_and_after_it_is_waited_for() -> None:
    early = StopRequest()
    early.make()
    await asyncio.wait_for(early.made(), 10)
    late = StopRequest()
    waiting = asyncio.create_task(late.made())
    await asyncio.sleep(0)
    threading.Thread(target=late.make).start()
    await asyncio.wait_for(waiting, 10)


def test_a_stop_request_after_the_end_is_harmless() -> None:
    stop = StopRequest()
    stop.make()
    asyncio.run(stop.made())
    stop.make()
