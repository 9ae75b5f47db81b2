"""A reporter that nobody closes, beside threads, coroutines and receivers. Ways to end: ``tests/faults/exits.py``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracker.processes import _BEGINNING, ROOT, TIMEOUT, new_log, rows, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_log(tmp_path)


def test_threads_that_outlive_the_main_one_go_on_reporting(path: Path) -> None:
    script = """
    main = threading.main_thread()

    def work(name):
        reporter.start_job(name)
        main.join()
        for number in range(500):
            reporter.update_progress(name, "importing", number / 5)
        reporter.complete_job(name).wait()

    for name in ("a", "b", "c"):
        threading.Thread(target=work, args=(name,)).start()
    """
    code, _, errors = run(script, path)
    assert (code, errors) == (0, "")
    found = rows(path)
    assert len(found) == 3 * 502
    assert sum(row.type == "job_completed" for row in found) == 3


def test_a_daemon_thread_that_reports_for_ever_does_not_hold_up_the_end(path: Path) -> None:
    script = """
    from tracker.errors import RecorderClosed

    def work():
        number = 0
        try:
            while True:
                number += 1
                reporter.start_job(str(number))
        except RecorderClosed:
            pass

    threading.Thread(target=work, daemon=True).start()
    reporter.start_job("first").wait()
    """
    code, _, errors = run(script, path)
    assert (code, errors) == (0, "")
    found = rows(path)
    assert [row.position for row in found] == list(range(1, len(found) + 1))
    assert any(row.job_id == "first" for row in found)


def test_the_processs_own_reporter_is_closed_as_well(path: Path) -> None:
    script = """
    import os, sys
    from tracker.progress_reporter import init_progress_reporter, get_progress_reporter
    init_progress_reporter(database_url=sys.argv[1])
    get_progress_reporter().start_job("a")
    """
    assert run(script, path, beginning="") == (0, "", "")
    assert len(rows(path)) == 1


def test_a_receiver_is_passed_everything_at_the_end(path: Path) -> None:
    script = """
    import sys
    from tracker.progress_reporter import ProgressReporter

    class Receiver:
        def broadcast(self, message, channel=None):
            print(message["position"], flush=True)

    reporter = ProgressReporter(Receiver(), database_url=sys.argv[1])
    for number in range(700):
        reporter.start_job(str(number))
    """
    code, output, errors = run(script, path, beginning="")
    assert (code, errors) == (0, "")
    assert [int(line) for line in output.splitlines()] == list(range(1, 701))


def test_a_coroutine_may_wait_for_its_receipts(path: Path) -> None:
    script = """
    import asyncio

    async def job(name):
        await reporter.start_job(name)
        for progress in range(10):
            await reporter.update_progress(name, "importing", progress)
        (end,) = await reporter.complete_job(name)
        return end.sequence

    async def all_jobs():
        return await asyncio.gather(*[job(str(number)) for number in range(50)])

    print(asyncio.run(all_jobs()) == [12] * 50)
    """
    assert run(script, path) == (0, "True\n", "")
    assert len(rows(path)) == 600


def test_what_a_receipt_confirmed_survives_a_kill(path: Path) -> None:
    script = """
    for number in range(1_000_000):
        receipt = reporter.start_job(str(number))
        if number % 10 == 0:
            print(receipt.wait(), flush=True)
    """
    code = _BEGINNING + "\n".join(line[4:] for line in script.splitlines())
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"sqlite:///{path}"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        confirmed = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in process.stdout.read().splitlines()]
        process.wait(TIMEOUT)
    found = rows(path)
    assert [row.position for row in found] == list(range(1, len(found) + 1))
    assert len(found) >= confirmed[-1]
    assert [found[position - 1].job_id for position in confirmed] == [str(position - 1) for position in confirmed]


def test_importing_the_reporter_loads_neither_a_database_nor_a_server(path: Path) -> None:
    heavy = [
        "aiohttp", "aiosqlite", "alembic", "api", "click", "filelock", "platformdirs", "rich", "sqlalchemy", "sqlite3",
        "tracker.runtime", "tracker.store.sqlite", "tracker.store.tables", "PIL",
    ]  # fmt: skip
    script = f"""
    import json, sys
    import tracker.progress_reporter
    before = [name for name in {heavy} if name in sys.modules]
    tracker.progress_reporter.ProgressReporter(database_url=sys.argv[1])
    after = [name for name in {heavy} if name in sys.modules]
    print(json.dumps([before, after]))
    """
    code, output, errors = run(script, path, beginning="")
    assert (code, errors) == (0, "")
    before, after = json.loads(output)
    assert before == []
    assert {"sqlalchemy", "sqlite3", "tracker.runtime"} <= set(after)
    assert {"aiohttp", "api", "click", "rich"}.isdisjoint(after)


def test_opening_a_log_that_is_up_to_date_does_not_load_alembic(path: Path) -> None:
    script = "print('alembic' in sys.modules)"
    assert run(script, path.with_name("new.db")) == (0, "True\n", "")
    assert run(script, path) == (0, "False\n", "")
