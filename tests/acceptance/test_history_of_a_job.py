"""From "it failed last night" to the diverging event, from outside: a server, HTTP, and the command beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.api.test_gate import Guest, Keys
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]


async def _report(session: aiohttp.ClientSession, url: str, job_id: str, *, fails: bool) -> None:
    job: dict[str, Any] = {"job_id": job_id}
    messages = [
        {"type": "job_started", **job, "photo_info": {"file_name": "IMG_1.jpg"}},
        {"type": "job_progress", **job, "stage": "importing", "progress": 10, "extra_field": {"stage": "exporting"}},
        {"type": "stage_completed", **job, "stage": "importing", "result": {"size": 12}},
        {"type": "job_progress", **job, "stage": "ai_evaluation", "progress": 40, "details": {"model": "m1"}},
        {
            "type": "error_occurred",
            **job,
            "error_type": "timeout",
            "error_message": "no answer",
            "stage": "ai_evaluation",
        }
        if fails
        else {"type": "stage_completed", **job, "stage": "ai_evaluation", "result": {"score": 4.2}},
        {"type": "job_failed" if fails else "job_completed", **job},
    ]
    for message in messages:
        async with session.post(f"{url}/events", json=message) as response:
            assert response.status == 200, await response.text()


async def _get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        return await response.json()


def _command(settings: Settings, *args: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "tracker", "--database", settings.database_url, *args]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    return json.loads(done.stdout)


async def test_a_failed_night_is_followed_to_its_event(
    served: ProgressReporter, server: WebSocketServer, settings: Settings
) -> None:
    async with aiohttp.ClientSession() as session:
        for job_id, fails in (("monday", False), ("tuesday", False), ("night", True)):
            await _report(session, server.url, job_id, fails=fails)

        timeline = await _get(session, f"{server.url}/jobs/night/timeline")
        assert _command(settings, "timeline", "night", "--json") == timeline
        *_, last = timeline["timeline"]["stages"]
        assert (last["stage"], last["completed_at"]) == ("ai_evaluation", None)
        (error,) = timeline["timeline"]["errors"]

        typical = await _get(session, f"{server.url}/jobs/diff?a=night&b=typical")
        assert _command(settings, "diff", "night", "typical", "--json") == typical
        assert typical["diff"]["b"]["jobs"] == 2

        diff = await _get(session, f"{server.url}/jobs/diff?a=tuesday&b=night")
        assert _command(settings, "diff", "tuesday", "night", "--json") == diff
        turn = diff["diff"]["divergence"]["turn"]
        assert (turn["b"]["type"], turn["b"]["position"]) == ("error_occurred", error["position"])
        after = turn["b"]["position"] - 1
        event = (await _get(session, f"{server.url}/events?after={after}&limit=1"))["events"][0]
        assert (event["job_id"], event["error_message"]) == ("night", "no answer")

        same = (await _get(session, f"{server.url}/jobs/diff?a=monday&b=tuesday"))["diff"]
        assert (same["same"], same["divergence"]) == (True, {"turn": None, "content": None})


class TestTokens:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True)

    async def test_a_token_that_is_limited_to_jobs_learns_nothing_of_others(
        self, served: ProgressReporter, server: WebSocketServer, settings: Settings
    ) -> None:
        for job_id in ("a/1", "a/2", "b/1", "b/2"):
            served.start_job(job_id)
            served.complete_stage(job_id, "importing" if job_id != "a/2" else "exporting")
            served.complete_job(job_id)
        served.flush()
        keys = Keys(settings.database_url)
        async with aiohttp.ClientSession() as session:
            limited = Guest(server.url, session, keys.make("read", prefixes=("a/",)))
            everyone = Guest(server.url, session, keys.make("read"))
            for path, seen in (
                ("/jobs/a%2F1/timeline", 200),
                ("/jobs/b%2F1/timeline", 404),
                ("/jobs/diff?a=a/1&b=a/2", 200),
                ("/jobs/diff?a=a/1&b=b/1", 404),
                ("/jobs/diff?a=b/1&b=a/1", 404),
                ("/jobs/diff?a=a/1&b=typical", 404),  # those that are like it are jobs of others
            ):
                assert (await limited.ask("GET", path))[0] == seen, path
                assert (await everyone.ask("GET", path))[0] == 200, path
            status, body = await everyone.ask("GET", "/jobs/diff?a=a/1&b=typical")
            assert (status, body["diff"]["b"]["jobs"]) == (200, 2)
