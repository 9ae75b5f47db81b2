from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from api.cli.serve import _serve
from api.cli.signals import StopRequest
from tests.api.authority import Authority
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


@pytest.mark.parametrize(
    ("host", "insecure", "warns"),
    [("127.0.0.1", True, False), ("localhost", True, False), ("0.0.0.0", True, True), ("127.0.0.1", False, False)],
)
async def test_it_warns_when_other_machines_reach_it_and_nobody_is_asked_for_a_token(
    database_url: str, capsys: pytest.CaptureFixture[str], host: str, insecure: bool, warns: bool
) -> None:
    await _serve_until_told(Settings(database_url=database_url, host=host, port=0, insecure=insecure))
    out, err = capsys.readouterr()
    assert out.startswith("Serving on http://")
    assert ("every other address of this machine" in out) is (host == "0.0.0.0")
    assert ("Warning: " in err) is warns
    assert ("whoever reaches it can read the log and write to it" in err) is warns


def test_without_a_token_and_without_insecure_other_machines_are_not_served(run: Run) -> None:
    result = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == 1
    assert "`tracker token create" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_warning_is_json_where_the_log_is(start: Start) -> None:
    serving = start("serve", "--host", "0.0.0.0", "--port", "0", "--insecure", "--log-format", "json")
    serving.line("stop   Ctrl-C")
    fields = json.loads(serving.error_line("{"))
    assert fields["level"] == "warning"
    assert "whoever reaches it can read the log and write to it" in fields["event"]


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


def _settings_of(*args: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a command would serve with."""
    seen: list[Settings] = []

    async def served(settings: Settings, *_: object) -> None:
        seen.append(settings)

    monkeypatch.setattr("api.cli.serve._serve", served)
    monkeypatch.setattr("api.logs.configure", lambda *_: None)
    result = CliRunner().invoke(tracker, ["serve", *args])
    assert result.exit_code == 0, result.stderr
    return seen[0]


def test_every_option_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    switches = ("--require-token", "--insecure", "--log-requests")
    hosts = ("--allow-host", "photos.example", "--allow-host", "photos")
    origins = ("--allow-origin", "https://a.example", "--allow-origin", "https://b.example")
    others = ("--trust-proxy", "10.0.0.0/8,127.0.0.1", "--log-format", "json", "--log-level", "debug")
    settings = _settings_of(*switches, *hosts, *origins, *others, monkeypatch=monkeypatch)
    assert (settings.require_token, settings.insecure, settings.log_requests) == (True, True, True)
    assert settings.allowed_hosts == "photos.example,photos"
    assert settings.allowed_origins == "https://a.example,https://b.example"
    assert settings.trust_proxy == "10.0.0.0/8,127.0.0.1"
    assert (settings.log_format, settings.log_level) == ("json", "debug")


def test_an_option_that_is_not_given_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"REQUIRE_TOKEN": "1", "LOG_REQUESTS": "yes", "ALLOWED_HOSTS": "a,b", "LOG_FORMAT": "json"}
    for name, value in wanted.items():
        monkeypatch.setenv(f"TRACKER_{name}", value)
    settings = _settings_of(monkeypatch=monkeypatch)
    assert (settings.require_token, settings.log_requests, settings.insecure) == (True, True, False)
    assert (settings.allowed_hosts, settings.log_format) == ("a,b", "json")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--log-format", "xml"], "log_format: must be text or json"),
        (["--log-level", "loud"], "log_level: must be one of debug, info, warning, error"),
        (["--tls-cert", "cert.pem"], "tls_cert: needs its key too"),
        (["--tls-cert", "none.pem", "--tls-key", "none.key"], "tls_cert: cannot be read: No such file"),
        (["--trust-proxy", "everybody"], "trust_proxy: must be addresses or networks"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_it_listens(run: Run, args: list[str], text: str) -> None:
    result = run("serve", "--port", "0", *args)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {text}")
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)


# TLS


def _secured(authority: Authority) -> tuple[str, ...]:
    return ("serve", "--port", "0", "--tls-cert", str(authority.cert), "--tls-key", str(authority.key))


def _shown(url: str, authority: Authority) -> bytes | None:
    """The certificate that the server shows."""
    address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
    with (
        socket.create_connection(address) as plain,
        authority.trusting().wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.getpeercert(binary_form=True)


def test_it_says_https_to_people_and_to_other_processes(start: Start, run: Run, authority: Authority) -> None:
    serving = start(*_secured(authority))
    url = serving.line("Serving on ").split()[-1]
    assert url.startswith("https://127.0.0.1:")
    assert f"tracker tail --url {url}" in serving.line("  watch ")
    assert f"which serves it at {url}" in run("prune").stderr
    with urllib.request.urlopen(f"{url}/healthz", context=authority.trusting()) as answer:
        assert json.load(answer)["success"] is True


@_no_signals
async def test_sighup_takes_up_a_renewed_certificate_while_a_client_stays(start: Start, authority: Authority) -> None:
    serving = start(*_secured(authority))
    url = await asyncio.to_thread(_url, serving)
    before = await asyncio.to_thread(_shown, url, authority)
    connector = aiohttp.TCPConnector(ssl=authority.trusting())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(f"{url}/ws".replace("https", "wss")) as client,
    ):
        await client.receive_json(timeout=20)
        authority.issue()
        serving.signal(signal.SIGHUP)
        assert "New connections get the certificate" in await asyncio.to_thread(serving.error_line, "certificate")
        assert await asyncio.to_thread(_shown, url, authority) not in (before, None)
        authority.cert.unlink()
        serving.signal(signal.SIGHUP)
        assert "stays in use: tls_cert: cannot be read" in await asyncio.to_thread(serving.error_line, "certificate")
        await client.send_json({"type": "ping"})
        assert (await client.receive_json(timeout=20))["type"] == "pong"
        serving.signal(signal.SIGTERM)
        goodbye = await client.receive(timeout=20)
        assert (goodbye.type, goodbye.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.SERVICE_RESTART)
    code, _, err = await asyncio.to_thread(serving.end)
    assert (code, err) == (0, "")


_IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the terminal of this session, whose end is a SIGHUP
os.execv(sys.executable, [sys.executable, "-m", "tracker", *sys.argv[1:]])
"""


@_no_signals
def test_with_tls_a_terminal_that_closes_ends_it_all_the_same(log: Path, authority: Authority, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    with (tmp_path / "out").open("w+b") as out:
        serving = subprocess.Popen(
            [sys.executable, "-c", _IN_A_TERMINAL, "--database", str(log), *_secured(authority)],
            stdin=theirs,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        )
        os.close(theirs)
        try:
            _wait_for(lambda: b"stop   Ctrl-C" in (tmp_path / "out").read_bytes())
            serving.send_signal(signal.SIGHUP)
            _wait_for(lambda: b"New connections get the certificate" in (tmp_path / "out").read_bytes())
            assert serving.poll() is None
            os.close(ours)
            assert serving.wait(20) == 0
        finally:
            serving.kill()
            serving.wait()
    assert (tmp_path / "out").read_text().endswith("Stopped.\n")


def _wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Logs


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_requests_are_logged_a_line_each(start: Start, log_format: str) -> None:
    serving = start("serve", "--port", "0", "--log-requests", "--log-format", log_format)
    url = _url(serving)
    with urllib.request.urlopen(f"{url}/jobs?limit=3") as answer:
        assert answer.status == 200
    line = serving.error_line("/jobs")
    assert "limit" not in line
    if log_format == "json":
        assert json.loads(line).items() >= {"method": "GET", "path": "/jobs", "status": 200}.items()
    else:
        assert " info    tracker.requests: GET /jobs 200 " in line


def test_what_is_no_http_is_a_line_without_what_was_sent(start: Start) -> None:
    serving = start("serve", "--port", "0")
    port = int(_url(serving).rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /jobs?secret=1 HTTP/9\r\n\r\n")
        assert b" 400 " in client.recv(65_536)
    assert serving.error_line("Error").endswith("Error handling request from 127.0.0.1: BadStatusLine\n")
