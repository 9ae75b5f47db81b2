"""Insight from outside: what a server says of its log, and the command beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

STAGES = ["scan", "develop", "print"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def run(reporter: ProgressReporter, job_id: str, *, fails: bool = False) -> None:
    reporter.start_job(job_id, stages=STAGES)
    for stage in STAGES[: 2 if fails else 3]:
        reporter.update_progress(job_id, stage, 10.0)
        reporter.complete_stage(job_id, stage)
    if fails:
        reporter.report_error(job_id, "out_of_paper", "No paper", stage="print")
    reporter.complete_job(job_id, success=not fails)


async def get(url: str, path: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        return await answer.json()


def command(path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tracker", "--database", str(path), *args],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def steady(body: Any) -> Any:
    """The body without what a new hour changes, which may begin at any moment."""
    jobs = {name: value for name, value in body["jobs"].items() if name != "finished_per_hour"}
    events = {name: value for name, value in body["events"].items() if name != "per_hour"}
    return {**body, "jobs": jobs, "events": events, "hours": None}


async def test_a_night_of_jobs_is_counted_estimated_pruned_and_rebuilt(path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{path}")
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings) as reporter:
        for number in range(20):
            run(reporter, f"night-{number}", fails=number % 5 == 4)
        reporter.start_job("now", stages=STAGES)
        reporter.update_progress("now", "develop", 40.0)
        reporter.flush()

        body = await get(server.url, "/stats")
        jobs = body["jobs"]
        assert (jobs["started"], jobs["completed"], jobs["failed"], jobs["active"]) == (21, 16, 4, 1)
        assert jobs["failure_share"] == 0.2
        stages = (await get(server.url, "/stats?group_by=stage"))["groups"]
        assert {stage["stage"]: (stage["completed"], stage["errors"]) for stage in stages} == {
            "scan": (20, 0),
            "develop": (20, 0),
            "print": (16, 4),
        }
        now = (await get(server.url, "/jobs/now"))["job_status"]
        assert now["eta"]["jobs"] == 16
        assert 0 < now["eta"]["p50"] <= now["eta"]["p90"] < 60

        beside = command(path, "stats", "--json")  # while the server writes
        assert steady(json.loads(beside.stdout)) == steady(body)
        then = json.loads(command(path, "stats", "--json", "--as-of", "10").stdout)
        assert (then["jobs"]["started"], then["jobs"]["completed"], then["jobs"]["active"]) == (2, 1, 1)
        refused = await get(server.url, "/stats?since=2025-11-10T00:00:00Z&until=2025-11-09T00:00:00Z")
        assert (refused["code"], refused["field"]) == ("invalid_query", "since")
        wrong = command(path, "stats", "--group-by", "photo")
        assert (wrong.returncode, wrong.stderr.split(":")[1]) == (2, " group_by")

    assert command(path, "prune", "--keep-for", "0s").returncode == 0
    assert command(path, "rebuild").returncode == 0
    after = json.loads(command(path, "stats", "--json").stdout)
    assert steady(after) == steady(body)
    assert "21 started, 16 completed, 4 failed (20.0 %), 1 active" in command(path, "stats").stdout
