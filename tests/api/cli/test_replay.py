"""``tracker replay``, from the log's file and from a server."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.cli.replay_view import ReplayView
from api.websocket_server import WebSocketServer
from tests.builders import NOON, SECOND, completed, error, failed, progressed, started
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_store
from tracker.store.base import Append
from tracker.store.reader import SqlReader

from .conftest import Run, Start

_no_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send a process Ctrl-C")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, keep_for_seconds=9e9)


@pytest.fixture(autouse=True)
def _past(settings: Settings) -> None:
    """Two jobs a minute apart: ``past`` at 12:00:00 to 12:00:03 (positions 1 to 4), ``broken`` (5 to 7)."""
    store = open_store(settings.database_url)
    past = [
        started("past", photo_info={"file_name": "a.nef"}),
        progressed("past", 30.0, message="Läuft [b]"),
        error("past"),
    ]
    events = [*past, completed("past"), started("broken"), progressed("broken"), failed("broken")]
    for index, event in enumerate(events):
        at = NOON + (index if index < 4 else 60 + index) * SECOND
        store.writer.append([Append((event,), at)])
    store.close()


@pytest.fixture
def serving(settings: Settings) -> Iterator[WebSocketServer]:
    server = WebSocketServer("127.0.0.1", 0)
    with ProgressReporter(server, settings=settings):
        yield server


def messages(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def positions(told: list[dict[str, Any]]) -> list[int]:
    return [message["position"] for message in told if message.get("replay")]


def test_events_are_lines_for_people_where_there_is_no_terminal(run: Run) -> None:
    done = run("replay", "past", "--speed", "1000")
    lines = [line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()]
    assert lines == [
        ["past", "started  a.nef"],
        ["past", "exif_analysis      30 %  Läuft [b]"],
        ["past", "io: lost"],
        ["past", "completed after 3.0 s"],
    ]
    introduction, end = done.stderr.splitlines()
    assert introduction.startswith("Replaying job past: 4 events, 3.0 s from 2025-11-09 ")
    assert introduction.endswith(", at speed 1000.")
    assert end == "The replay has finished: 4 events."


def test_a_server_sends_the_same_messages_as_the_file_has(run: Run, serving: WebSocketServer) -> None:
    asked = ("replay", "--since", "2", "--until", "2025-11-09T12:01:05Z", "--speed", "1000", "--json")
    from_file, from_server = run(*asked), run(*asked, "--url", serving.url)
    assert messages(from_file.stdout) == messages(from_server.stdout)
    told = messages(from_file.stdout)
    assert (told[0]["type"], told[-1]["type"]) == ("replay_started", "replay_finished")
    assert (positions(told), told[0]["events"]) == ([2, 3, 4, 5, 6], 5)


def test_it_takes_as_long_as_it_took_divided_by_the_speed_with_gaps_no_longer_than_wanted(run: Run) -> None:
    begun = time.monotonic()
    done = run("replay", "--after", "0", "--speed", "20", "--max-gap", "2s", "--json")
    # 1 + 1 + 1, 2 for the minute between the jobs, 1 + 1
    assert time.monotonic() - begun >= 7 / 20 - 0.01
    assert messages(done.stdout)[0]["max_gap_seconds"] == 2.0
    assert time.monotonic() - begun < 60 / 20, "the minute itself would take that long"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "job_id: name a job, or a part of the log with since, until or after"),
        (["past", "--speed", "0"], "speed: must be a number from 0.1 to 1000 (got 0.0)"),
        (["past", "--speed", "nan"], "speed: must be a number from 0.1 to 1000 (got nan)"),
        (["--since", "8"], "since: is beyond the head of the log, 7 (got 8)"),
        (["--since", "7", "--until", "6"], "since: is after until: there is nothing between them"),
        (["--since", "last night"], "since: must be a time in ISO 8601 with its zone, such as 2025-11-09T10:30:00Z"),
        (["--until", "2025-11-09T12:00:00"], "until: must be a time in ISO 8601 with its zone"),
        (["--since", "2999-01-01T00:00:00Z"], "since: is in the future: nothing was recorded then"),
        (["past\n"], "job_id: must have only printable characters"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_code_2(run: Run, arguments: list[str], text: str) -> None:
    done = run("replay", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {text}")
    assert len(done.stderr.splitlines()) == 1
    as_json = run("replay", "--json", *arguments)
    assert as_json.exit_code == 2
    (body,) = messages(as_json.stdout)
    assert f"Error: {body['error']}\n" == done.stderr
    assert body["code"] in ("invalid_query", "invalid_event")


@pytest.mark.parametrize("arguments", [["past", "--max-gap", "soon"], ["past", "--speed", "fast"], ["--after", "-1"]])
def test_an_option_that_is_none_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    assert run("replay", *arguments).exit_code == 2


def test_a_job_that_is_not_there_is_said_in_the_same_words_by_file_and_server(
    run: Run, serving: WebSocketServer
) -> None:
    here, there = run("replay", "nobody"), run("replay", "nobody", "--url", serving.url)
    assert (here.exit_code, there.exit_code) == (1, 1)
    said = "Job 'nobody' is not known: call start_job first.\n"
    # The server's own log may stand before it.
    assert here.stderr.endswith(f"Error: {said}")
    assert there.stderr.endswith(f"Error: The server at {serving.url} refused: {said}")
    (body,) = messages(run("replay", "nobody", "--json").stdout)
    assert body["code"] == "job_not_found"
    (body,) = messages(run("replay", "nobody", "--json", "--url", serving.url).stdout)
    assert body["code"] == "job_not_found"


def test_a_server_that_is_not_there_is_said_so(run: Run) -> None:
    done = run("replay", "past", "--url", "http://127.0.0.1:9")
    assert (done.exit_code, done.stderr) == (1, "Error: No server answers at http://127.0.0.1:9.\n")
    assert run("replay", "past", "--url", "ftp://x").exit_code == 2


def test_without_a_log_it_says_so(run: Run, log: Path) -> None:
    log.unlink()
    done = run("replay", "past")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: There is no log at {log} yet")


def test_a_log_that_cannot_be_read_on_the_way_ends_it_with_exit_code_1(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise StoreUnavailable("The log is busy.")

    find = SqlReader.job_events

    async def once(self: SqlReader, job_id: str, after: int, limit: int) -> Any:
        return await (find(self, job_id, after, limit) if limit == 1 else busy())

    monkeypatch.setattr(SqlReader, "job_events", once)
    done = run("replay", "past")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[1:] == ["The log is busy.", "The replay has failed: 0 events."]


def test_an_empty_part_is_said_so(run: Run) -> None:
    done = run("replay", "past", "--after", "6")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == ["There is nothing to replay of job past.", "The replay has finished: 0 events."]


@_no_signals
@pytest.mark.parametrize("from_server", [False, True])
def test_ctrl_c_ends_it_without_a_word(start: Start, serving: WebSocketServer, from_server: bool) -> None:
    url = ["--url", serving.url] if from_server else []
    running = start("replay", "past", "--speed", "0.1", "--json", *url)
    assert json.loads(running.line("job_started"))["position"] == 1
    running.signal(signal.SIGINT)
    assert running.end() == (0, "", "")


def test_on_a_terminal_bars_move_and_a_line_stays_of_each_end_and_error(run: Run) -> None:
    console = Console(force_terminal=True, width=100, record=True, color_system=None, force_interactive=False)
    told = messages(run("replay", "--after", "0", "--speed", "1000", "--json").stdout)
    with ReplayView(console, console) as view:
        for message in told[:3]:
            view.show(message)
        bars = view._bars
        assert bars is not None
        console.print(bars.progress)
        for message in told[3:]:
            view.show(message)
        assert len(bars.progress.tasks) == 1, "those of jobs that ended are gone"
        assert bars.progress.tasks[0].percentage == 100
    shown = console.export_text()
    assert "past                 " in shown
    assert " 30 % exif_analysis     Läuft [b]" in shown
    assert [line.split()[1:3] for line in shown.splitlines() if "io:" in line or " after " in line] == [
        ["past", "io:"],
        ["past", "completed"],
        ["broken", "failed"],
    ]
    assert "started" not in shown


def test_of_many_jobs_those_that_were_heard_of_last_have_bars() -> None:
    console = Console(force_terminal=True, width=100, color_system=None, force_interactive=False)
    view = ReplayView(console, console)
    begun = {"since": "2025-11-09T12:00:00.000000Z", "first": 1, "duration": 1.0, "events": None, "speed": 1.0}
    view.show({"type": "replay_started", **begun})
    for job in [*range(30), 3]:
        at = "2025-11-09T12:00:01.000000Z"
        view.show({"type": "job_started", "job_id": f"job-{job}", "timestamp": at, "replay": True})
    assert view._bars is not None
    names = [task.description for task in view._bars.progress.tasks[1:]]
    assert names == [*[f"job-{job}" for job in range(19, 30)], "job-3"]
