"""The plug-in's own files, over real sockets, with the real server: the quick start document's Lua as it is written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests.acceptance import logs
from tests.api.test_gate import Keys
from tests.lua.tools import ROOT, run_lua
from tracker.messages import message
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_SEED = (ROOT / "tests/acceptance/seed.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```lua\n(.*?)```", _SEED, re.DOTALL)
_JOB = {"job_id": "job_12345", "photo_id": 456}
# What the snippets say, in their order. The document ends the job twice: the first end holds.
_EVENTS: list[dict[str, Any]] = [
    {"type": "job_started", "photo_info": {"file_name": "IMG_001.CR3", "file_path": "/path/to/IMG_001.CR3"}},
    {
        "type": "job_progress",
        "stage": "exif_analysis",
        "progress": 25.0,
        "message": "Analyzing EXIF data...",
        "details": {"camera": "Canon EOS R5"},
    },
    {"type": "stage_completed", "stage": "exif_analysis", "result": {"iso": 800, "aperture": 2.8}},
    {
        "type": "photo_info",
        "photo_data": {"exif": {"camera_make": "Canon", "camera_model": "EOS R5", "iso": 800}, "ai_score": 4.2},
    },
    {
        "type": "error_occurred",
        "error_type": "processing_error",
        "error_message": "Failed to apply settings",
        "error_details": {"detail": "Invalid parameter value"},
        "stage": "applying_preset",
    },
    {"type": "job_completed", "success": True, "result": {"preset_applied": "WhiteLayer_v4"}, "duration": 15.5},
]
_ADDED = {"position", "sequence", "timestamp", "occurred_at", "event_id", "stages_completed"}


def _run_seed(url: str, folder: Path, token: str = "") -> Any:
    """Run the snippets; what the plug-in was told, and its log."""
    folder.mkdir()
    done = run_lua("tests/lua/scenarios/seed.lua", url, str(folder), token, stdin="".join(SNIPPETS))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def _recorded(path: Path) -> list[dict[str, Any]]:
    recorded = [message(event) for event in logs.events(path)]
    assert all(event["event_id"] and event["occurred_at"] for event in recorded)
    return [{name: value for name, value in event.items() if name not in _ADDED} for event in recorded]


def test_the_document_shows_six_calls() -> None:
    calls = re.findall(r"WebSocketClient\.(\w+)\(", "".join(SNIPPETS))
    assert calls == [
        "sendJobStart",
        "sendJobProgress",
        "sendStageComplete",
        "sendPhotoInfo",
        "sendError",
        "sendJobComplete",
        "sendJobComplete",
    ]


def test_the_documents_snippets_are_recorded_as_they_are_written(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> None:
    told = _run_seed(server.url, tmp_path / "lightroom")
    assert _recorded(tmp_path / "log.db") == [{**_JOB, **event} for event in _EVENTS]
    (refused,) = told["refused"]
    assert (refused["code"], refused["event"]["type"]) == ("job_finished", "job_failed")
    assert told["dialogs"] == []


@pytest.fixture
def keys(database_url: str) -> Any:
    server = WebSocketServer(port=0)
    settings = replace(Settings(database_url=database_url), require_token=True)
    with ProgressReporter(server, settings=settings):
        keys = Keys(database_url)
        yield server, keys
        keys.close()


def test_with_a_token_they_are_recorded_too(keys: tuple[WebSocketServer, Keys], tmp_path: Path) -> None:
    server, made = keys
    told = _run_seed(server.url, tmp_path / "lightroom", made.make("report"))
    assert [event["type"] for event in _recorded(tmp_path / "log.db")] == [event["type"] for event in _EVENTS]
    assert "jobreel_" not in str(told["log"])


def test_a_wrong_token_is_waited_for_and_nothing_is_lost(keys: tuple[WebSocketServer, Keys], tmp_path: Path) -> None:
    server, made = keys
    (tmp_path / "lightroom").mkdir()
    done = run_lua("tests/lua/scenarios/token.lua", server.url, str(tmp_path / "lightroom"), made.make("admin"))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["errors"] == ["Delivering events: 401 unauthorized", "Following the server: 401 unauthorized"]
    assert told["heard"][-1] == "job_completed"
    assert told["dialogs"] == []
    assert [event["type"] for event in _recorded(tmp_path / "log.db")] == ["job_started", "job_completed"]
    assert "jobreel_" not in str(told["log"])


def _shown(server: WebSocketServer, folder: Path, token: str) -> Any:
    folder.mkdir()
    done = run_lua("tests/lua/scenarios/window.lua", server.url, str(folder), token)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("needs_token", [False, True])
def test_lightroom_shows_the_servers_jobs_with_a_token_and_without(
    database_url: str, tmp_path: Path, needs_token: bool
) -> None:
    server = WebSocketServer(port=0)
    settings = replace(Settings(database_url=database_url), require_token=needs_token)
    with ProgressReporter(server, settings=settings) as reporter:
        keys = Keys(database_url)
        reporter.start_job("theirs", None, {"file_name": "theirs.CR3"}).wait(10)
        told = _shown(server, tmp_path / "lightroom", keys.make("report", "read") if needs_token else "")
        keys.close()
    assert told["seen"].startswith("2 active jobs · Connected|theirs.CR3|")
    assert "|IMG_007.CR3|exif analysis: Reading|40 %|Stop Following" in told["seen"]
    assert (told["scopes"], told["dialogs"]) == (2, [])
    assert (told["is_right"], told["told"]) == (True, "Connected: jobs can be reported and followed.")
