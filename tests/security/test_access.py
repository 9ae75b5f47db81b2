"""S6 to S9 against one real server: its answers to every Host, Origin, route and token, and what it writes down."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.operations import OPERATIONS
from api.websocket_server import WebSocketServer
from tests.api.test_gate import _UPGRADE, KINDS, Guest, Keys, _expected, bearer
from tests.api.test_origins import BAD_ORIGINS, FOREIGN_HOSTS, GOOD_ORIGINS, LOOPBACK_HOSTS
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
_REACH_SECONDS = 5


async def _status(port: int, lines: list[str], body: str = "") -> int:
    """The status of a request written by hand: no library's idea of what a Host is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(("\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]) + body).encode())
    async with asyncio.timeout(20):
        first = await reader.readline()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return int(first.split()[1])


def _request(path: str, host: str, origin: str | None) -> list[str]:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    if path == "/ws":
        lines = [*lines[:2], "Upgrade: websocket", *(f"{n}: {v}" for n, v in _UPGRADE.items() if n.startswith("Sec"))]
    return lines if origin is None else [*lines, f"Origin: {origin}"]


async def test_s6_hosts_and_origins(served: ProgressReporter, server: WebSocketServer) -> None:
    served.start_job("secret").wait()
    allowed, refused = 0, 0
    for path in ("/ws", "/events", "/events/stream"):
        for host in [*LOOPBACK_HOSTS, *FOREIGN_HOSTS]:
            for origin in [*GOOD_ORIGINS[:-1], *BAD_ORIGINS]:
                lines = _request(path, host, origin)
                if path == "/ws":
                    lines.append("Connection: Upgrade")
                status = await _status_of_upgrade(server.port, lines) if path == "/ws" else await _head(server, lines)
                is_good = host in LOOPBACK_HOSTS and origin in GOOD_ORIGINS
                # An empty Host and one that is no text are refused by the parser, before anything of ours.
                assert status in ((101, 200) if is_good else (400, 403)), (path, host, origin)
                allowed += is_good
                refused += not is_good
    print(f"S6: {refused} combinations of Host and Origin refused before the upgrade, {allowed} good ones let in (all)")


async def _head(server: WebSocketServer, lines: list[str]) -> int:
    return await _status(server.port, lines)


async def _status_of_upgrade(port: int, lines: list[str]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(20):
        first = await reader.readline()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return int(first.split()[1])


async def test_s7_forms_of_other_sites(served: ProgressReporter, server: WebSocketServer) -> None:
    body = '{"type":"job_started","job_id":"forged"}'
    tried = 0
    posts = [path for method, path in OPERATIONS if method == "POST"]
    for path in posts:
        for content_type in _FORMS:
            for origin in (None, "http://evil.example", "null", "http://localhost:3000"):
                lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{server.port}", f"Content-Type: {content_type}"]
                lines += [] if origin is None else [f"Origin: {origin}"]
                assert await _status(server.port, lines, body) in (403, 415)
                tried += 1
    served.flush()
    assert served.tracker.recorder.ask(lambda log: log.head()).position == 0
    print(f"S7: {tried} form posts to {len(posts)} routes, 0 events (reach: 0)")


class TestTokens:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True, requests_per_second=10**6)

    async def test_s8_every_route_scope_and_token(
        self, served: ProgressReporter, server: WebSocketServer, settings: Settings
    ) -> None:
        keys = Keys(settings.database_url)
        async with aiohttp.ClientSession() as session:
            kinds = {kind: keys.of_kind(kind) for kind in KINDS}
            for (method, path), operation in OPERATIONS.items():
                for kind, token in kinds.items():
                    options: dict[str, Any] = {"headers": _UPGRADE} if path == "/ws" else {}
                    options |= {"json": {}} if method == "POST" else {}
                    status = (await Guest(server.url, session, token).ask(method, path, **options))[0]
                    # One address may show thirty bad tokens a minute; the good ones are not held up by that.
                    limited = {429} if kind in ("wrong", "expired", "revoked") else set()
                    assert status in _expected(operation.scope, kind) | limited, (method, path, kind)
            token = keys.make("read")
            async with session.ws_connect(f"{server.url}/ws", headers=bearer(token)) as socket:
                await socket.receive_json()
                keys.revoke(token)
                begun = time.monotonic()
                assert (await socket.receive(timeout=20)).data == 1008
                seconds = time.monotonic() - begun
        keys.close()
        assert seconds <= _REACH_SECONDS
        print(
            f"S8: {len(OPERATIONS)} routes x {len(KINDS)} kinds of token as specified; revoking closed a live socket "
            f"after {seconds:.1f} s (reach: {_REACH_SECONDS} s)"
        )


@contextmanager
def _serve(database: Path, log: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tracker", "--database", str(database), "serve", "--port", "0", "--require-token"]
    command += ["--log-format", "json", "--log-level", "debug", "--log-requests"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=_ROOT,
            env={**os.environ, "PYTHONASYNCIODEBUG": "1", "TRACKER_AUTH_TIMEOUT_SECONDS": "1"},
        ) as process,
    ):
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)


async def _show_everywhere(url: str, token: str) -> None:
    """A token in every place where it belongs, and in those where it does not."""
    async with aiohttp.ClientSession() as session:
        for headers in (bearer(token), bearer(token[:-1]), {"Authorization": token}, {"Cookie": f"token={token}"}):
            for path in ("/jobs", f"/jobs?token={token}", f"/jobs/{token}", f"/{token}", f"/events?after={token}"):
                async with session.get(url + path, headers=headers) as response:
                    await response.read()
        for offered in ((f"jobreel.token.{token}",), ("jobreel.v1", f"jobreel.token.{token}"), (token,)):
            with suppress(aiohttp.ClientError):
                async with session.ws_connect(f"{url}/ws", protocols=offered) as socket:
                    await socket.receive(timeout=20)
        for first in ({"type": "auth", "token": token}, {"type": "auth", "token": token[:-2]}, {"type": token}):
            async with session.ws_connect(f"{url}/ws") as socket:
                await socket.send_json(first)
                await socket.receive(timeout=20)
        async with session.post(f"{url}/events", json={"type": token}, headers=bearer(token)) as response:
            await response.read()


async def test_s9_tokens_in_logs_and_the_database(tmp_path: Path) -> None:
    database, log = tmp_path / "log.db", tmp_path / "server.log"
    keys = Keys(f"sqlite:///{database.as_posix()}")
    made = [keys.make("read", "report"), keys.make("admin")]
    keys.revoke(made[1])
    keys.close()
    with _serve(database, log) as url:
        for token in made:
            await _show_everywhere(url, token)
    logged = log.read_text()
    lines = [json.loads(line) for line in logged.splitlines()]
    assert len(lines) > 40, "the requests were logged"
    files = {path.name: path.read_bytes() for path in tmp_path.glob("log.db*")}
    leaks = []
    for token in made:
        secret = token.split("_")[2]
        leaks += ["the log"] * (secret[:20] in logged)
        leaks += [name for name, data in files.items() if secret[:20].encode() in data]
    assert leaks == []
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (2,)
    print(
        f"S9: {len(made)} tokens shown in 29 ways each, {len(lines)} log lines, {len(files)} files: 0 leaks (reach: 0)"
    )


def test_s9_control_a_secret_that_is_written_down_is_found(tmp_path: Path) -> None:
    keys = Keys(f"sqlite:///{(tmp_path / 'log.db').as_posix()}")
    token = keys.make("read")
    keys._table.note("leaked", "tester", token, {}, 1)
    keys.close()
    secret = token.split("_")[2][:20].encode()
    assert any(secret in path.read_bytes() for path in tmp_path.glob("log.db*"))
