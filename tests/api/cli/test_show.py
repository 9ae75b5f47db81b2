from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter

from .conftest import Run


def _http(server: WebSocketServer, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"{server.url}{path}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def ids(shown: str) -> list[str]:
    return [job["job_id"] for job in json.loads(shown)["jobs"]]


def test_a_job_is_shown_as_by_status(run: Run, jobs: None) -> None:
    assert run("show", "done").stdout == run("status", "done").stdout
    assert "\x1b" not in run("show", "broken").stdout


def test_a_job_is_shown_as_it_was(run: Run, jobs: None) -> None:
    heading, *shown = run("show", "done", "--as-of", "2").stdout.splitlines()
    assert heading.startswith("As of position 2, ")
    assert shown[0] == "done"
    assert any(line.startswith("  status    active for ") for line in shown)
    assert any(line.startswith("  events    2, the last at position 2") for line in shown)
    assert not any("Stages" in line for line in shown)


def test_json_is_what_http_answers(run: Run, jobs: None, server: WebSocketServer, served: ProgressReporter) -> None:
    assert json.loads(run("show", "--json", "done").stdout) == _http(server, "/jobs/done")
    for then in ("2", "4", "8"):
        shown = run("show", "--json", "done", "--as-of", then)
        assert json.loads(shown.stdout) == _http(server, f"/jobs/done?as_of={then}")
        assert json.loads(run("status", "--json", "--as-of", then).stdout) == _http(server, f"/jobs?as_of={then}")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--stage", "quality_check"], ["busy"]),
        (["--photo-id", "2"], ["broken"]),
        (["--since", "2020-01-01T00:00:00Z", "--sort", "started"], ["done", "broken", "busy"]),
        (["--until", "2020-01-01T00:00:00Z"], []),
        (["--query", "img_"], ["busy", "done"]),
        (["--error-type", "not_an_image"], ["broken"]),
        (["--sort", "-completed"], ["broken", "done"]),
        (["--as-of", "3", "--status", "active"], ["done"]),
        (["--as-of", "8", "--limit", "1", "--status", "failed"], ["broken"]),
    ],
)
def test_status_filters(run: Run, jobs: None, args: list[str], expected: list[str]) -> None:
    assert ids(run("status", "--json", *args).stdout) == expected
    assert (
        ids(run("status", "--json", "--all", *[arg for arg in args if arg not in ("--limit", "1")]).stdout) == expected
    )
    shown = run("status", *args).stdout
    assert shown.startswith("No such jobs in ") == (not expected)
    assert shown.startswith("As of position ") == ("--as-of" in args)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        (["show", "done", "--as-of", "soon"], "/jobs/done?as_of=soon"),
        (["show", "done", "--as-of", "99"], "/jobs/done?as_of=99"),
        (["show", "done", "--as-of", "2999-01-01T00:00:00Z"], "/jobs/done?as_of=2999-01-01T00:00:00Z"),
        (["status", "--since", "monday"], "/jobs?since=monday"),
        (["status", "--sort", "name"], "/jobs?sort=name"),
        (["status", "--cursor", "5"], "/jobs?cursor=5"),
        (["status", "--query", ""], "/jobs?q="),
        (["status", "--as-of", "3", "--sort", "updated"], "/jobs?as_of=3&sort=updated"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_code_2(
    run: Run, jobs: None, server: WebSocketServer, served: ProgressReporter, args: list[str], path: str
) -> None:
    refused = _http(server, path)
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {refused['error']}\n"
    in_json = run(*args, "--json")
    assert (in_json.exit_code, in_json.stderr) == (2, "")
    assert json.loads(in_json.stdout) == refused


def test_before_it_started_a_job_is_not_known(run: Run, jobs: None) -> None:
    result = run("show", "busy", "--as-of", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Job 'busy' is not known")
