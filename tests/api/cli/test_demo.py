from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

import api.cli.demo
from api.demo import DemoReport, make_samples

from .conftest import Run, Start


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two good photos and a broken one."""
    make_samples(tmp_path / "photos", 3, truncated=1)
    return tmp_path / "photos"


def test_it_develops_a_folder_and_says_what_to_try_next(run: Run, photos: Path, log: Path) -> None:
    result = run("demo", str(photos), "--port", "0")
    assert result.exit_code == 0  # the run worked, although a photo did not
    url = re.search(r"Live on (http://127.0.0.1:\d+): watch it with `tracker tail --url \1`", result.stdout)
    assert url
    assert "2 developed, 1 failed" in result.stdout
    export = photos / "jobreel-export"
    assert sorted(path.name for path in export.iterdir()) == ["IMG_0001.jpg", "IMG_0002.jpg"]
    assert f"Developed photos  {export}" in result.stdout
    assert f"Log               {log}" in result.stdout
    hints = result.stdout.split("What to try next\n")[1]
    assert f"tracker --database {log} status\n" in hints
    assert f"tracker --database {log} serve --port {url[1].rsplit(':', 1)[1]}\n" in hints
    assert f"curl {url[1]}/jobs\n" in hints
    (job_id,) = re.findall(r"status --json (\S+)", hints)
    assert json.loads(run("status", "--json", job_id).stdout)["job_status"]["status"] == "completed"


def test_its_jobs_are_in_the_log(run: Run, photos: Path) -> None:
    run("demo", str(photos), "--port", "0")
    jobs = json.loads(run("status", "--json").stdout)["jobs"]
    assert sorted(job["status"] for job in jobs) == ["completed", "completed", "failed"]
    done = next(job for job in jobs if job["status"] == "completed")
    assert len(done["stages_completed"]) == 8


def test_results_go_where_they_are_wanted(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("demo", str(photos), "--port", "0", "--output", "results").exit_code == 0
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_without_a_folder_it_draws_photos_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api.cli.demo._SAMPLES == 24  # each takes a while
    monkeypatch.setattr(api.cli.demo, "_SAMPLES", 4)
    assert "4 developed" in run("demo", "--port", "0").stdout
    folder = tmp_path / "jobreel-demo" / "photos"
    drawn = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(drawn) == len(list((tmp_path / "jobreel-demo" / "export").iterdir())) == 4
    assert "4 developed" in run("demo", "--port", "0").stdout
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == drawn


def test_a_port_that_is_taken_is_replaced_unless_it_was_asked_for(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run("demo", str(photos), "--port", port)
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert "the port is in use" in refused.stderr
        monkeypatch.setenv("TRACKER_PORT", port)
        result = run("demo", str(photos))
    assert result.exit_code == 0
    assert f"Port {port} is taken by something else: using a free one." in result.stderr
    assert f"http://127.0.0.1:{port}" not in result.stdout


def test_who_watches_sees_it_happen(run: Run, start: Start, photos: Path, tmp_path: Path) -> None:
    demo = start("demo", str(photos), "--port", "0")
    url = demo.line("Live on ").split()[2].rstrip(":")
    assert url.startswith("http://127.0.0.1:")
    code, out, _ = demo.end()
    assert code == 0
    assert "3/3" in out


@pytest.mark.parametrize(
    ("folder", "problem"),
    [("nowhere", "No such folder: nowhere"), ("file", "Not a folder: file"), ("empty", "No photos in empty")],
)
def test_a_folder_without_photos_is_one_line_and_no_log_is_made(
    run: Run, tmp_path: Path, log: Path, folder: str, problem: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    result = run("demo", folder, "--port", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {problem}")
    assert result.stderr.count("\n") == 1
    assert not log.exists()


def test_an_output_that_would_replace_the_photos_is_refused(run: Run, photos: Path) -> None:
    result = run("demo", str(photos), "--output", str(photos), "--port", "0")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "holds the photos themselves" in result.stderr


def test_an_interrupted_run_says_so_in_its_exit_code(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = DemoReport(results=(), output=photos, seconds=0.1, not_started=3, interrupted=True)
    monkeypatch.setattr("api.demo.run.run_demo", lambda *_, **__: cut)
    monkeypatch.setattr("api.demo.run_demo", lambda *_, **__: cut, raising=False)
    result = run("demo", str(photos), "--port", "0")
    assert result.exit_code == 130
    assert "status --json JOB" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send a process Ctrl-C")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_every_job_ended(
    start: Start, run: Run, tmp_path: Path, number: signal.Signals
) -> None:
    make_samples(tmp_path / "one", 1)
    (tmp_path / "many").mkdir()
    for place in range(300):
        os.link(tmp_path / "one" / "IMG_0001.jpg", tmp_path / "many" / f"IMG_{place:03}.jpg")
    demo = start("demo", "many", "--port", "0")
    demo.line("1/300")
    demo.signal(number)
    demo.signal(number)
    code, out, _ = demo.end()
    assert code == 130
    assert "interrupted after" in out
    assert json.loads(run("status", "--json", "--status", "active").stdout)["jobs"] == []
