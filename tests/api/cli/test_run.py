from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.output_lines import PERCENTAGE, LastLines, Percentages
from api.websocket_server import WebSocketServer
from tests.api.cli.conftest import Run, Start
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_PATIENCE_SECONDS = 30
_ROOT = Path(__file__).resolve().parents[3]
_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals between processes are POSIX's")
Status = Callable[[str], dict[str, Any]]


@pytest.fixture
def status(settings: Settings) -> Status:
    """A job's status, in the log that ``start`` names."""

    def status(job_id: str) -> dict[str, Any]:
        with ProgressReporter(settings=settings) as reporter:
            found = reporter.get_job_status(job_id)
        assert found is not None
        return found

    return status


def python(code: str) -> list[str]:
    return ["--", sys.executable, "-u", "-c", code]


def run_bytes(log: Path, *args: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tracker", "--database", str(log), "run", *args],
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **more.pop("env", {})},
        check=False,
        **more,
    )


def percents(log: Path) -> list[float]:
    with ProgressReporter(settings=Settings(database_url=f"sqlite:///{log.as_posix()}")) as reporter:
        rows = reporter.tracker.recorder.ask(lambda one: one.read(0, 100_000))
    return [row.fact.progress for row in rows if row.type == "job_progress"]  # type: ignore[union-attr]


def test_a_command_is_a_job_and_its_output_and_exit_code_are_ours(log: Path, status: Status) -> None:
    code = "import sys; sys.stdout.buffer.write(b'a\\xff\\x00\\r\\n 50%\\n'); sys.stderr.write('bad\\n'); sys.exit(3)"
    done = run_bytes(log, "--job", "a", *python(code))
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\xff\x00\r\n 50%\n", b"bad\n")
    job = status("a")
    assert (job["status"], job["stages"], job["progress"], job["message"]) == ("failed", ["running"], 50, "50%")
    assert job["photo_info"] == {"command": Path(sys.executable).name}
    assert job["result"]["exit_code"] == 3
    assert sorted(job["result"]["output"]) == sorted(["a\N{REPLACEMENT CHARACTER}", "50%", "bad"])
    assert job["result"]["error"].endswith("ended with exit code 3.")


def test_a_command_that_ends_well_completes_its_stage_and_its_job(log: Path, status: Status) -> None:
    code = "import sys; print('in:', sys.stdin.read()); [print(n) for n in range(100)]"
    done = run_bytes(log, "--job", "a", "--stage", "backup", *python(code), input=b"hello")
    assert done.returncode == 0
    job = status("a")
    assert job["status"] == "completed"
    assert [one["stage"] for one in job["stages_completed"]] == ["backup"]
    assert job["result"] == {"exit_code": 0, "output": [str(n) for n in range(80, 100)]}
    assert done.stdout.startswith(b"in: hello")


def test_output_comes_at_once_and_progress_too(start: Start, server: WebSocketServer, settings: Settings) -> None:
    with ProgressReporter(server, settings=settings) as reporter:
        running = start("run", "--url", server.url, "--job", "a", *python("print('12.5 %'); input()"))
        # Its input is empty: it ends by itself, with an error, which is no matter here.
        assert running.line("12.5") == "12.5 %\n"
        code, _, err = running.end()
        assert code == 1
        assert "EOFError" in err
        job = reporter.get_job_status("a")
    assert job is not None
    assert (job["progress"], job["status"]) == (12.5, "failed")


def test_the_server_of_the_environment_is_reported_to(server: WebSocketServer, settings: Settings) -> None:
    with ProgressReporter(server, settings=settings) as reporter:
        done = subprocess.run(
            [sys.executable, "-m", "tracker", "run", "--job", "a", *python("print('100%')")],
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "TRACKER_URL": server.url},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        job = reporter.get_job_status("a")
    assert job is not None
    assert (job["status"], job["progress"]) == ("completed", 100)


def test_a_flood_of_percentages_is_ten_events_a_second(log: Path) -> None:
    code = """
import time
begun = time.monotonic()
while (passed := time.monotonic() - begun) < 1:
    print(f"\\r{passed * 100:.3f}%", end="")
print("\\r77%")
"""
    begun = time.monotonic()
    assert run_bytes(log, "--job", "a", *python(code)).returncode == 0
    seconds = time.monotonic() - begun
    found = percents(log)
    assert 5 <= len(found) <= 10 * seconds + 2
    assert found[-1] == 77


def test_a_pattern_of_ones_own(log: Path, status: Status) -> None:
    done = run_bytes(log, "--job", "a", "--pattern", r"photo (\d+) of (\d+)", *python("print('99% photo 3 of 4')"))
    assert done.returncode == 0
    assert status("a")["progress"] == 100
    assert percents(log) == [75]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--pattern", "("], "regular expression"),
        (["--pattern", "x"], "one group"),
        (["--job", ""], "1 to 200"),
        (["--stage", "failed"], "stage"),
        (["--url", "ftp://x"], "address of a server"),
    ],
)
def test_a_wrong_flag_is_refused_before_anything_runs(run: Run, tmp_path: Path, flags: list[str], told: str) -> None:
    done = run("run", "--job", "a", *flags, *python(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    assert done.exit_code == 2
    assert told in done.output
    assert not (tmp_path / "ran").exists()


def test_a_command_that_is_not_there_is_one_line_and_127(log: Path, status: Status) -> None:
    done = run_bytes(log, "--job", "a", "no-such-command", "--flag")
    assert (done.returncode, done.stdout) == (127, b"")
    assert done.stderr.startswith(b"Error: no-such-command cannot be run: ")
    assert done.stderr.count(b"\n") == 1
    assert (status("a")["status"], status("a")["result"]["exit_code"]) == ("failed", 127)


@_POSIX
def test_a_command_that_may_not_be_run_is_126(log: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    done = run_bytes(log, "--job", "a", str(tmp_path / "text"))
    assert done.returncode == 126
    assert done.stderr.count(b"\n") == 1


@_POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_command_once_and_its_exit_code_is_ours(
    start: Start, status: Status, number: signal.Signals
) -> None:
    code = f"""
import signal, time
heard = []
signal.signal({number:d}, lambda *_: heard.append(1))
print("ready")
while not heard: time.sleep(0.01)
time.sleep(0.3)
print("heard", len(heard))
raise SystemExit(9)
"""
    running = start("run", "--job", "a", *python(code))
    running.line("ready")
    running.signal(number)
    assert running.line("heard") == "heard 1\n"
    assert running.end()[0] == 9
    assert status("a")["result"]["exit_code"] == 9


@_POSIX
def test_a_command_that_a_signal_ends_gives_the_shells_code(start: Start, status: Status) -> None:
    running = start("run", "--job", "a", *python("print('ready'); import time; time.sleep(60)"))
    running.line("ready")
    running.signal(signal.SIGTERM)
    assert running.end()[0] == 128 + signal.SIGTERM
    assert status("a")["status"] == "failed"


@_POSIX
def test_ctrl_c_at_a_terminal_reaches_the_command_once(log: Path) -> None:
    import pty

    code = """
import signal, time
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
print("ready")
while not heard: time.sleep(0.01)
time.sleep(0.3)
print("heard", len(heard), "times")
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(_ROOT)
        os.execv(
            sys.executable,
            [sys.executable, "-m", "tracker", "--database", str(log), "run", "--job", "a", *python(code)],
        )
    shown = b""
    while b"times" not in shown:
        shown += os.read(terminal, 1000)
        if b"ready" in shown and b"^C" not in shown:
            os.write(terminal, b"\x03")
            shown += b"^C"
    assert b"heard 1 times" in shown
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


@_POSIX
def test_who_stops_reading_stops_the_command(log: Path) -> None:
    line = f"{sys.executable} -m tracker --database {log} run --job a -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        check=False,
    )
    assert done.stdout.split() == [b"y", str(128 + signal.SIGPIPE).encode()]
    assert done.stderr == b""


@_POSIX
def test_what_the_command_leaves_behind_does_not_hold_us(log: Path) -> None:
    begun = time.monotonic()
    done = run_bytes(log, "--job", "a", "sh", "-c", "sleep 20 & echo done")
    assert (done.returncode, done.stdout) == (0, b"done\n")
    assert time.monotonic() - begun < 15


def test_a_log_that_somebody_else_writes_is_one_line_and_the_command_runs(log: Path, settings: Settings) -> None:
    with ProgressReporter(settings=settings):
        done = run_bytes(log, "--job", "a", *python("print('50%'); print('60%'); raise SystemExit(4)"))
    assert (done.returncode, done.stdout) == (4, b"50%\n60%\n")
    assert done.stderr.count(b"\n") == 1
    assert b"is being written by process" in done.stderr


def test_a_job_that_has_ended_is_one_line_and_the_command_runs(log: Path) -> None:
    for count in (0, 1):
        done = run_bytes(log, "--job", "a", *python("import time\nfor n in range(5): print(f'{n}%'); time.sleep(0.1)"))
        assert done.returncode == 0
        assert done.stderr.count(b"\n") == count


def test_a_server_that_is_away_costs_its_five_seconds_and_nothing_else(tmp_path: Path, log: Path) -> None:
    begun = time.monotonic()
    done = run_bytes(log, "--url", "http://127.0.0.1:9", "--job", "a", *python("print('5%')"))
    assert (done.returncode, done.stdout) == (0, b"5%\n")
    assert time.monotonic() - begun < 15
    assert list((tmp_path / "state").rglob("*.spool"))


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([b"12%"], [(12, "12%")]),
        ([b"done: 12.5 %, eta 3 s\n"], [(12.5, "done: 12.5 %, eta 3 s")]),
        ([b"12,5%"], [(12.5, "12,5%")]),
        ([b"4", b"5", b"%"], [None, None, (45, "45%")]),
        ([b"\r10%\r20%\r", b"30", b"%\r"], [(20, "20%"), None, (30, "30%")]),
        ([b"\x1b[32m7%\x1b[0m\n", b"nothing\n"], [(7, "7%"), None]),
        ([b"1000% 250% 101%\n"], [None]),
        ([b"100%\n0%\n"], [(0, "0%")]),
        ([b"5% then 6% and 700%"], [(6, "5% then 6% and 700%")]),
        ([b"x" * 100_000, b" 5%"], [None, (5, "x" * 497 + " 5%")]),
    ],
)
def test_percentages_are_found(pieces: list[bytes], found: list[tuple[float, str] | None]) -> None:
    percentages = Percentages(re.compile(PERCENTAGE))
    for piece, one in zip(pieces, found, strict=True):
        given = percentages.find(piece)
        assert given == one


def test_a_total_of_nothing_is_no_percentage() -> None:
    assert Percentages(re.compile(r"(\d+)/(\d+)")).find(b"0/0") is None
    assert Percentages(re.compile(r"(\d+)/(\d+)")).find(b"1/2") == (50, "1/2")
    assert Percentages(re.compile(r"(\w+)|(\d+)")).find(b"abc") is None


def test_the_last_lines_are_as_a_terminal_shows_them() -> None:
    lines = LastLines()
    for piece in (b"one\r\n", b"10%\r20", b"%\r", b"30%\n", b"\x1b[1mbold\x1b[0m\ttext\n", b"begun"):
        lines.add(piece)
    assert lines.lines() == ["one", "30%", "bold text", "begun"]
    lines.add(b"\n" + b"x" * 100_000 + b"\n" * 30)
    assert len(lines.lines()) == 20
