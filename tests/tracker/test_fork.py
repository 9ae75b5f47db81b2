"""A forked child: the log stays the parent's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tracker.processes import new_log, rows, run

pytestmark = pytest.mark.usefixtures("_can_fork")


@pytest.fixture
def _can_fork() -> None:
    assert hasattr(os, "fork"), "these tests are for systems that can fork"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_log(tmp_path)


def fork(script: str, path: Path) -> tuple[int, str, str]:
    # Python 3.12 and later warn of forking beside threads, which is what this is about.
    return run(script, path, warnings="default")


# What the child prints is the test's to read; where it ends, the parent goes on.
FORK = """
from tracker.errors import RecorderClosed, StoreOwned
reporter.start_job("a")
sys.stdout.flush()
child = os.fork()
if child == 0:
    {child}
os.waitpid(child, 0)
try:
    ProgressReporter(database_url=sys.argv[1])
    print("the lock is lost")
except StoreOwned as error:
    assert error.pid == os.getpid()
for progress in range(100):
    reporter.update_progress("a", "importing", progress)
reporter.complete_job("a").wait()
"""


def forked(child: str) -> str:
    return FORK.format(child=child.strip().replace("\n", "\n    "))


def test_the_childs_calls_are_refused_and_the_parent_goes_on(path: Path) -> None:
    child = """
for call in (lambda: reporter.start_job("b"), lambda: reporter.update_progress("a", "importing", 5),
             lambda: reporter.get_job_status("a"), reporter.get_active_jobs, reporter.flush):
    try:
        call()
    except RecorderClosed as error:
        print("forked" if "forked" in str(error) else error, flush=True)
reporter.close()
os._exit(0)
"""
    code, output, _ = fork(forked(child), path)
    assert (code, output.splitlines()) == (0, ["forked"] * 5)
    assert [row.sequence for row in rows(path)] == list(range(1, 103))


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "reporter.close(); sys.exit(0)", "1 // 0"])
def test_the_end_of_the_child_leaves_the_log_and_its_lock_alone(path: Path, end: str) -> None:
    code, output, _ = fork(forked(end), path)
    assert (code, output) == (0, "")
    assert [row.sequence for row in rows(path)] == list(range(1, 103))


def test_a_child_cannot_open_its_parents_log_but_one_of_its_own(path: Path) -> None:
    child = """
try:
    ProgressReporter(database_url=sys.argv[1])
except StoreOwned as error:
    print("owned" if error.pid == os.getppid() else error.pid, flush=True)
own = ProgressReporter(database_url=sys.argv[1] + ".child")
own.start_job("of the child")
own.close()
sys.exit(0)
"""
    code, output, _ = fork(forked(child), path)
    assert (code, output) == (0, "owned\n")
    assert len(rows(path)) == 102
    assert [row.job_id for row in rows(path.with_name("log.db.child"))] == ["of the child"]


def test_a_worker_of_multiprocessing_that_was_forked_is_refused_too(path: Path) -> None:
    script = """
    import multiprocessing
    from tracker.errors import RecorderClosed

    def work(queue):
        try:
            reporter.start_job("b")
        except RecorderClosed:
            queue.put("refused")

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=work, args=(queue,)) for _ in range(3)]
    reporter.start_job("a")
    for worker in workers:
        worker.start()
    print([queue.get() for _ in workers])
    for worker in workers:
        worker.join()
    """
    code, output, _ = fork(script, path)
    assert (code, output) == (0, "['refused', 'refused', 'refused']\n")
    assert len(rows(path)) == 1


def test_forking_in_the_midst_of_other_threads_calls_harms_nobody(path: Path) -> None:
    script = """
    from tracker.errors import RecorderClosed
    over = threading.Event()

    def work(name):
        number = 0
        while not over.is_set() or number < 200:
            number += 1
            receipt = reporter.start_job(f"{name}-{number}")
            if number % 20 == 0:
                receipt.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    refused = 0
    for _ in range(10):
        child = os.fork()
        if child == 0:
            try:
                reporter.start_job("of a child")
            except RecorderClosed:
                os._exit(7)
            os._exit(0)
        refused += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    over.set()
    for thread in threads:
        thread.join()
    print(refused)
    """
    code, output, _ = fork(script, path)
    assert (code, output) == (0, "10\n")
    found = rows(path)
    assert [row.position for row in found] == list(range(1, len(found) + 1))
    assert len(found) >= 600
    assert all(row.job_id != "of a child" for row in found)
