"""R19: the system's clock is set back an hour, and forward ten years, while jobs run and clients follow them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tests import figures
from tests.acceptance import logs
from tests.api.clients import http_client, positions, socket_client
from tests.tracker.doubles import WAIT
from tracker.errors import ClockDoubtful
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.times import now

_HOUR, _YEARS = 3600, 10 * 365 * 86_400
_ABOUT_ALL = ("/progress/active", "/jobs?total=true", "/stats", "/stats?group_by=hour")
_ABOUT_ONE = ("/progress/job/{}", "/jobs/{}", "/jobs/{}/timeline")


class Clock:
    """The system's, as this process sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + self._ahead)

    def set(self, seconds: int) -> None:
        """Forward, or back if negative."""
        self._ahead += seconds * 10**9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


@pytest.fixture
def path(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


def _report(reporter: ProgressReporter, job_id: str, clock: Clock, *moves: int) -> None:
    """A job with a stage before, between and after the clock's moves."""
    reporter.start_job(job_id, 1).wait(WAIT)
    for stage, move in zip(("importing", "exif_analysis", "exporting"), (*moves, 0), strict=False):
        reporter.update_progress(job_id, stage, 50).wait(WAIT)
        clock.set(move)
        reporter.update_progress(job_id, stage, 100).wait(WAIT)
        reporter.complete_stage(job_id, stage).wait(WAIT)
    reporter.complete_job(job_id).wait(WAIT)


def _negatives(body: Any, name: str = "") -> list[str]:
    """The durations below zero that are somewhere in an answer, by their names."""
    if isinstance(body, dict):
        return [one for key, value in body.items() for one in _negatives(value, f"{name}.{key}")]
    if isinstance(body, list):
        return [one for value in body for one in _negatives(value, name)]
    is_duration = name.endswith(("_seconds", "duration", "share", "eta"))
    return [f"{name}={body}"] if is_duration and isinstance(body, int | float) and body < 0 else []


@pytest.fixture
def moved(served: ProgressReporter, clock: Clock) -> ProgressReporter:
    """A reporter whose jobs went on while the clock was set; one is open."""
    _report(served, "night", clock)
    _report(served, "back", clock, -_HOUR)
    _report(served, "forward", clock, _YEARS)
    _report(served, "there and back", clock, -_YEARS, _HOUR)
    served.start_job("open")
    served.update_progress("open", "importing", 10).wait(WAIT)
    clock.set(-2 * _HOUR)
    return served


async def test_the_order_is_that_of_positions_whatever_the_clock_said(
    moved: ProgressReporter, server: WebSocketServer, path: Path
) -> None:
    moved.complete_job("open").wait(WAIT)
    whole = list(range(1, len(logs.events(path)) + 1))
    async with socket_client(server.url) as socket, http_client(server.url) as http:
        await socket.subscribe("jobs", after=0)
        assert positions((await socket.until(type="caught_up"))[:-1]) == whole
        assert [event["position"] for event in (await http.get("/events?limit=1000")).body["events"]] == whole
    assert logs.faults(path, set(whole)) == []
    times = [event.recorded_at for event in logs.events(path)]
    assert times != sorted(times), "control: by their times they are in another order"


async def test_no_duration_is_negative(moved: ProgressReporter, server: WebSocketServer, path: Path) -> None:
    asked = [*_ABOUT_ALL, *[place.format(job) for place in _ABOUT_ONE for job in ("back", "there and back", "open")]]
    async with http_client(server.url) as http:
        answers = [await http.get(place) for place in asked]
    assert [answer.status for answer in answers] == [200] * len(asked)
    found = [one for answer in answers for one in _negatives(answer.body)]
    figures.show("R19: durations with a clock that is set", f"{len(found)} negative in {len(asked)} answers", "0")
    assert found == []
    assert _negatives({"jobs": [{"elapsed_seconds": -1}]}), "control: one would be seen"
    job = [event.recorded_at for event in logs.events(path) if event.job_id == "back"]
    assert job[-1] < job[0], "control: the clock says that it ended before it began"


def test_nothing_is_pruned_by_it(moved: ProgressReporter, clock: Clock, path: Path) -> None:
    before = logs.events(path)
    for move in (0, -_HOUR, _YEARS):
        clock.set(move)
        with pytest.raises(ClockDoubtful):
            moved.tracker.retention.prune_due()
    assert logs.events(path) == before
    figures.show("R19: retention by a clock that is set", f"0 of {len(before)} events removed", "0; refused")


def test_control_who_believes_it_prunes_what_has_just_ended(served: ProgressReporter, clock: Clock, path: Path) -> None:
    _report(served, "night", clock)
    clock.set(_YEARS)
    served.tracker.retention.prune_once(now())
    assert logs.events(path) == []


def test_a_start_with_a_clock_that_is_wrong_prunes_nothing_and_says_so(
    settings: Settings, clock: Clock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ProgressReporter(settings=settings) as reporter:
        _report(reporter, "night", clock)
    clock.set(_YEARS)
    with ProgressReporter(settings=settings) as reporter:
        _report(reporter, "wrong", clock)
        reporter.tracker.retention.start()
        until = time.monotonic() + WAIT
        while "days past what was recorded last before today" not in caplog.text:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert {event.job_id for event in logs.events(path)} == {"night", "wrong"}
    clock.set(-_YEARS)
    with ProgressReporter(settings=settings) as reporter:
        assert reporter.tracker.retention.prune_due().done, "the clock is right again, and nothing was lost"
    assert {event.job_id for event in logs.events(path)} == {"night", "wrong"}
