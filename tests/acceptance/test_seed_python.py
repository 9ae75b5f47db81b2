"""The quick start document's own Python, as one script, and a client as in its own JavaScript."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.ports import port_5100

_SEED = Path(__file__).with_name("seed.md").read_text()
_ADDED = {"position", "sequence", "prev"}
_ROOT = Path(__file__).resolve().parents[2]
_INIT = "progress_reporter = init_progress_reporter(ws_server)\n"

# What the document's "WebSocket Message Format" shows of each message.
_SHOWN: dict[str, set[str]] = {
    message["type"]: set(message)
    for message in (
        json.loads(block.replace("[...]", "[]").replace("{...}", "{}"))
        for block in re.findall(r"```json\n(.*?)```", _SEED, re.DOTALL)
    )
}


def _script() -> str:
    """The Python snippets in their order; only the imports get their package, and it waits for a line after init."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", _SEED, re.DOTALL))
    code = code.replace("from progress_reporter import", "from tracker.progress_reporter import")
    code = code.replace("from websocket_server import", "from api.websocket_server import")
    assert _INIT in code
    return code.replace(_INIT, f"{_INIT}print('listening', flush=True)\ninput()\n")


@contextmanager
def _running(folder: Path, port: int | None) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "TRACKER_DATABASE_URL": f"sqlite:///{folder}/log.db"}
    if port is not None:
        environment["TRACKER_PORT"] = str(port)
    command = [sys.executable, "-W", "error", "-c", _script()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        try:
            yield process
        finally:
            process.kill()


def _go(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate("go\n", timeout=60)
    return process.returncode, output


async def _messages(port: int, process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    messages = []
    async with connect(f"ws://localhost:{port}/ws") as client:
        await client.send(json.dumps({"type": "subscribe", "channels": ["jobs", "photos"]}))
        async with asyncio.timeout(60):
            while json.loads(await client.recv())["type"] != "subscription_confirmed":
                pass
            code, output = await asyncio.to_thread(_go, process)
            assert code == 0, output
            with suppress(ConnectionClosedError):  # 1012: the script has ended, resume with your cursor
                while True:
                    messages.append(json.loads(await client.recv()))
    return messages


def test_the_document_shows_seven_messages() -> None:
    assert len({*_SHOWN} - {"subscribe"}) == 7


async def test_the_documents_snippets_run_as_one_script_and_a_client_sees_its_messages(tmp_path: Path) -> None:
    with port_5100(), _running(tmp_path, None) as process:
        messages = await _messages(5100, process)
    assert [message["type"] for message in messages if "sequence" in message] == [
        "job_started",
        "job_progress",
        "stage_completed",
        "error_occurred",
        "photo_info",
        "job_completed",
    ]
    for message in messages:
        if "sequence" in message:
            assert set(message) == _SHOWN[message["type"]] | _ADDED, message["type"]
    assert [message["position"] for message in messages if "sequence" in message] == [1, 2, 3, 4, 5, 6]


def test_the_script_prints_the_status_of_its_job(tmp_path: Path) -> None:
    with _running(tmp_path, 0) as process:
        code, output = _go(process)
    assert (code, output.splitlines()[:3]) == (0, ["Job job_12345:", "  Stage: completed", "  Progress: 100.0%"])
    assert re.fullmatch(r"  Elapsed: [0-9.e-]+s", output.splitlines()[3])


@pytest.mark.parametrize("kind", sorted({*_SHOWN} - {"subscribe"}))
def test_every_message_of_the_document_has_the_fields_that_all_have(kind: str) -> None:
    assert {"type", "job_id", "photo_id", "timestamp"} <= _SHOWN[kind]
