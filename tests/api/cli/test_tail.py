from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click import BadParameter

from api.cli.failures import Failure
from api.cli.live import follow, sentence
from api.cli.tail import _base
from api.websocket_server import WebSocketServer
from tests.api.foreign import CONFIRMED, WELCOME, Foreign, event, refusing, saying
from tests.ports import free_port
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

from .conftest import Run, Start
from .processes import Running, run_unread

_no_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send a process Ctrl-C")


@contextmanager
def _serving(settings: Settings, port: int = 0) -> Iterator[tuple[ProgressReporter, WebSocketServer]]:
    server = WebSocketServer("127.0.0.1", port)
    with ProgressReporter(server, settings=settings) as reporter:
        yield reporter, server


def _event(tail: Running) -> Any:
    return json.loads(tail.line("{"))


def test_events_are_lines_for_people(
    start: Start, jobs: None, served: ProgressReporter, server: WebSocketServer
) -> None:
    tail = start("tail", "--url", server.url, "--after", "0")
    assert tail.line("done").split()[1:] == ["done", "started", "IMG_1.jpg"]
    assert "30 %  Reading" in tail.line("exif_analysis")
    assert "not_an_image: No picture [31m in it" in tail.line("broken  not")
    served.complete_job("busy", success=False)
    assert "failed after " in tail.line("busy    failed")


def test_json_is_the_message_as_the_server_sent_it(
    start: Start, jobs: None, served: ProgressReporter, server: WebSocketServer
) -> None:
    tail = start("tail", "--url", server.url, "--after", "3", "--json")
    first = tail.line("{")
    assert first.startswith('{"type":"stage_completed","job_id":"done",')
    assert first.endswith('"position":4,"sequence":4,"prev":0}\n')
    assert [_event(tail)["position"] for _ in range(3)] == [5, 6, 7]


def test_only_the_jobs_asked_for(start: Start, jobs: None, served: ProgressReporter, server: WebSocketServer) -> None:
    tail = start("tail", "--url", server.url, "--after", "0", "--job", "broken", "--job", "busy", "--json")
    assert [_event(tail)["job_id"] for _ in range(5)] == ["broken"] * 3 + ["busy"] * 2


def test_without_follow_it_shows_what_is_in_the_log_and_ends(
    run: Run, jobs: None, served: ProgressReporter, server: WebSocketServer
) -> None:
    served.flush()
    ended = run("tail", "--url", server.url, "--no-follow", "--json")
    head = served.tracker.recorder.ask(lambda log: log.head()).position
    shown = [json.loads(line)["position"] for line in ended.stdout.splitlines()]
    assert (ended.exit_code, shown) == (0, list(range(1, head + 1)))


def test_only_the_channel_asked_for(
    start: Start, jobs: None, served: ProgressReporter, server: WebSocketServer
) -> None:
    tail = start("tail", "--url", server.url, "--after", "0", "--channel", "photos", "--json")
    assert [_event(tail)["type"] for _ in range(3)] == ["job_started"] * 3


@_no_signals
def test_it_resumes_over_a_restart_of_the_server_and_ctrl_c_ends_it(start: Start, settings: Settings) -> None:
    with _serving(settings) as (reporter, server):
        port, url = server.port, server.url
        reporter.start_job("job")
        tail = start("tail", "--url", url, "--after", "0", "--json")
        assert _event(tail)["position"] == 1
        reporter.update_progress("job", "importing", 1.0)
        assert _event(tail)["position"] == 2
    tail.error_line(f"The connection to {url} is lost")
    with ProgressReporter(settings=settings) as reporter:
        reporter.update_progress("job", "importing", 2.0)  # while nobody serves
    with _serving(settings, port) as (reporter, server):
        tail.error_line("Connected again, going on after position 2.")
        assert _event(tail)["position"] == 3
        reporter.complete_job("job")
        assert _event(tail)["position"] == 4
        tail.signal(signal.SIGINT)
        assert tail.end() == (0, "", "")


def test_another_log_at_the_same_address_is_shown_from_its_beginning(start: Start, settings: Settings) -> None:
    with _serving(settings) as (reporter, server):
        port, url = server.port, server.url
        reporter.start_job("old")
        tail = start("tail", "--url", url, "--after", "0", "--json")
        assert _event(tail)["job_id"] == "old"
    other = Settings(database_url=settings.database_url.replace("log.db", "other.db"))
    with _serving(other, port) as (reporter, server):
        reporter.start_job("new")
        tail.error_line("The server has another log now: showing it from its beginning.")
        assert _event(tail)["job_id"] == "new"


def test_what_retention_removed_is_said(start: Start, run: Run, jobs: None, settings: Settings) -> None:
    assert run("prune", "--keep-for", "0").exit_code == 0
    with _serving(settings) as (_, server):
        tail = start("tail", "--url", server.url, "--after", "0", "--json")
        tail.error_line("Jobs that ended up to position 8 were removed by retention")
        assert [_event(tail)["position"] for _ in range(2)] == [9, 10]


def test_no_server_is_one_line_that_says_what_to_run(run: Run) -> None:
    port = free_port()
    result = run("tail", "--port", str(port))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: No server answers at http://127.0.0.1:{port}. "
        "Start one with `tracker serve`, or name another with --url.\n"
    )
    body = json.loads(run("tail", "--port", str(port), "--json").stdout)
    assert (body["success"], body["code"]) == (False, "server_unreachable")


def test_a_host_that_does_not_exist_is_one_line(run: Run) -> None:
    result = run("tail", "--url", "http://photos.invalid:5100")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: There is no host of the name in http://photos.invalid:5100. "
        "Start one with `tracker serve`, or name another with --url.\n",
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [(["--after", "99"], "beyond the head"), (["--channel", "foo"], "must be jobs, photos, system or job:<job_id>")],
)
def test_what_the_server_refuses_is_one_line(
    run: Run, served: ProgressReporter, server: WebSocketServer, options: list[str], problem: str
) -> None:
    result = run("tail", "--url", server.url, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: The server at http://127.0.0.1:")
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:5100", "http://127.0.0.1:5100"),
        ("127.0.0.1:5100", "http://127.0.0.1:5100"),
        ("ws://photos:5100/ws", "http://photos:5100"),
        ("wss://photos/tracker/", "https://photos/tracker"),
        ("https://photos/tracker/ws/", "https://photos/tracker"),
        ("http://[::1]:5100/", "http://[::1]:5100"),
    ],
)
def test_a_server_is_named_in_several_ways(url: str, base: str) -> None:
    assert _base(url) == base


@pytest.mark.parametrize("url", ["ftp://photos", "http://", "a:b:c", "http://photos:99999", "http://[::1", "://"])
def test_what_is_no_address_is_a_usage_error(run: Run, url: str) -> None:
    with pytest.raises(BadParameter):
        _base(url)
    assert run("tail", "--url", url).exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows tells a writer to a closed pipe something else")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_ends_quietly_when_nobody_reads(
    jobs: None, served: ProgressReporter, server: WebSocketServer, options: list[str]
) -> None:
    assert run_unread("tail", "--url", server.url, "--after", "0", *options) == (0, "")


async def _first_event(base: str, told: list[str]) -> dict[str, Any]:
    first: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(follow(base, ["jobs"], None, first.set_result, told.append))
    try:
        return await asyncio.wait_for(first, 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_missed_event_is_asked_for_again() -> None:
    confirmed = {**CONFIRMED, "after": 2}
    heard: list[Any] = []
    talk = saying(
        WELCOME,
        then=(confirmed, {**event(5), "prev": 4}),
        again=(confirmed, {**event(4), "prev": 0}),
        heard=heard,
    )
    told: list[str] = []
    async with Foreign(talk).serving() as base:
        shown = await _first_event(base, told)
    assert shown["position"] == 4
    assert told == ["Something was missed on the way: asking for it again."]
    assert [message.get("after") for message in heard] == [None, 2]


@pytest.mark.parametrize("hello", [[{"type": "hello"}], [], [["no", "object"]]])
async def test_a_server_of_another_kind_is_refused(hello: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.client_socket._ANSWER_SECONDS", 0.3)
    async with Foreign(saying(*hello)).serving() as base:
        with pytest.raises(Failure, match=r"not a tracker's server|No answer from"):
            await follow(base, ["jobs"], None, print, print)


async def test_a_web_server_without_a_websocket_is_refused() -> None:
    async with Foreign(saying()).serving() as base:
        with pytest.raises(Failure, match=r"not a tracker's server \(HTTP status 404\)"):
            await follow(f"{base}/elsewhere", ["jobs"], None, print, print)


_TOKEN = "jobreel_0123456789_s3cret_check1"
_CAUGHT_UP = {"type": "caught_up", "position": 1, "prev": 1}
_REFUSAL = {"success": False, "error": "It is\x1b[31m not known here.", "code": "unauthorized"}


@pytest.mark.parametrize("way", ["option", "environment"])
async def test_a_token_is_sent_from_the_option_or_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    options = ["--token", _TOKEN] if way == "option" else []
    monkeypatch.setenv("TRACKER_TOKEN", "another" if options else _TOKEN)
    server = Foreign(saying(WELCOME, then=(CONFIRMED, event(1), _CAUGHT_UP)))
    async with server.serving() as base:
        ended = await asyncio.to_thread(run, "tail", "--url", base, "--no-follow", "--json", *options)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert [json.loads(line)["position"] for line in ended.stdout.splitlines()] == [1]
    assert server.shown == [f"Bearer {_TOKEN}"]


async def test_without_a_token_none_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", "")
    server = Foreign(saying(WELCOME, then=(CONFIRMED, event(1), _CAUGHT_UP)))
    async with server.serving() as base:
        assert (await asyncio.to_thread(run, "tail", "--url", base, "--no-follow", "--json")).exit_code == 0
    assert server.shown == [None]


async def test_a_refused_token_is_one_line_that_says_what_to_do_and_does_not_show_it(run: Run) -> None:
    server = Foreign(refusing(401, _REFUSAL))
    async with server.serving() as base:
        refused = await asyncio.to_thread(run, "tail", "--url", base, "--token", _TOKEN)
        body = json.loads((await asyncio.to_thread(run, "tail", "--url", base, "--token", _TOKEN, "--json")).stdout)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"Error: The server at {base} refused: It is [31m not known here. "
        "Name a good token in TRACKER_TOKEN; `tracker token create` makes one.\n"
    )
    assert (body["success"], body["code"]) == (False, "unauthorized")
    assert _TOKEN not in refused.output + str(body)
    assert len(server.shown) == 2


def test_what_no_token_can_be_is_one_line(run: Run) -> None:
    refused = run("tail", "--token", "s3cret s3cret")
    assert refused.stderr == "Error: token: must be what `tracker token create` printed\n"


async def test_a_refusal_that_no_token_helps_against_is_told_as_it_is() -> None:
    async with Foreign(refusing(403, {"error": "Not from there.", "code": "forbidden_host"})).serving() as base:
        with pytest.raises(Failure, match=r"refused: Not from there\.$"):
            await follow(base, ["jobs"], None, print, print)


def test_what_the_server_says_of_the_stream_is_a_sentence() -> None:
    assert sentence({"type": "error", "error": "a\x1b[31mb"}) == "The server says: a [31mb"
    assert sentence({"type": "error", "error": "slow down"}) == "The server says: slow down"
    assert sentence({"type": "caught_up", "position": 3}) is None
