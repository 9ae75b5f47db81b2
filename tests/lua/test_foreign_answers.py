"""Over real sockets, something else than the tracker's server answers: it is logged and waited for, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from api.websocket_server import WebSocketServer
from tests.acceptance import logs
from tests.lua.cutting_proxy import cutting_proxy
from tests.lua.test_end_to_end import SNIPPETS
from tests.lua.tools import ROOT, lua
from tracker.progress_reporter import ProgressReporter


def answer(status: str, body: bytes, length: int | None = None, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{headers}\r\n"
    return head.encode() + body


_HTML = b"<html><body>Which room are you in?</body></html>"
_RECORDED = b'{"success":true,"position":1,"sequence":1,"events":[{"position":1,"sequence":1}]}'
FOREIGN = [
    answer("200 OK", _HTML, headers="Content-Type: text/html\r\n"),
    answer("200 OK", b""),
    answer("204 No Content", b""),
    answer("500 Internal Server Error", b'{"success":false,"error":"failed","code":"internal_error"}'),
    answer("502 Bad Gateway", _HTML),
    answer("404 Not Found", _HTML),
    answer("200 OK", _RECORDED[:30], len(_RECORDED)),
    answer("200 OK", _RECORDED[:30], len(_RECORDED)),
    answer("200 OK", _RECORDED[:30]),
    answer("200 OK", _RECORDED),
    answer("302 Found", b"", headers="Location: http://127.0.0.1:1/\r\n"),
    answer("401 Unauthorized", b'{"success":false,"error":"no","code":"unauthorized"}'),
    answer(
        "429 Too Many Requests",
        b'{"success":false,"error":"no","code":"too_many_requests"}',
        headers="Retry-After: 1\r\n",
    ),
    b"\x15\x03\x01\x00\x02\x02",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"HTTP/1.1 banana\r\n\r\n",
    b"",
]


async def test_nothing_is_lost_whatever_answers_first(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> None:
    (tmp_path / "lightroom").mkdir()
    async with cutting_proxy(0, seed=1) as proxy:
        proxy.server_port = server.port
        proxy.instead = list(FOREIGN)
        process = await asyncio.create_subprocess_exec(
            lua(),
            "tests/lua/scenarios/seed.lua",
            f"http://127.0.0.1:{proxy.port}",
            str(tmp_path / "lightroom"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate("".join(SNIPPETS).encode()), 100)
    told = json.loads(output)
    assert proxy.instead == []
    assert [event.type for event in logs.events(tmp_path / "log.db")] == [
        "job_started",
        "job_progress",
        "stage_completed",
        "photo_info",
        "error_occurred",
        "job_completed",
    ]
    assert told["dialogs"] == []
    assert len(told["refused"]) == 1
    assert any("no answer of a tracker's server (HTTP 404)" in line for line in told["log"])
