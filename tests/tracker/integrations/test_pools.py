from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

from tests.tracker.doubles import WAIT
from tracker.errors import JobExists
from tracker.integrations.pools import steps, submit
from tracker.progress_reporter import ProgressReporter

from .conftest import Seen

_SPAWN = multiprocessing.get_context("spawn")


def develop(number: int) -> dict[str, int]:
    if number < 0:
        raise ValueError(f"no photo {number}")
    return {"number": number}


def die() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(WAIT)


def status_of(reporter: ProgressReporter, job_id: str) -> dict[str, Any]:
    status = reporter.get_job_status(job_id)
    assert status is not None
    return status


def test_each_task_of_an_executor_is_a_job(reporter: ProgressReporter) -> None:
    with ProcessPoolExecutor(2, mp_context=_SPAWN) as pool:
        futures = [submit(pool, reporter, f"job_{n}", develop, n) for n in (1, 2, -1)]
    assert futures[0].result() == {"number": 1}
    assert isinstance(futures[2].exception(), ValueError)
    assert reporter.get_active_jobs() == {}
    done, failed = status_of(reporter, "job_2"), status_of(reporter, "job_-1")
    assert (done["status"], done["result"], done["photo_info"]) == ("completed", {"number": 2}, {"task": "develop"})
    assert (failed["status"], failed["result"]) == ("failed", {"error": "no photo -1"})
    assert failed["errors"][0]["error_type"] == "ValueError"
    assert "in develop" in failed["errors"][0]["error_details"]["traceback"]  # the worker's own


def test_each_task_of_a_multiprocessing_pool_is_a_job(reporter: ProgressReporter) -> None:
    with _SPAWN.Pool(2) as pool:
        results = [submit(pool, reporter, f"job_{n}", develop, n) for n in (1, -1)]
        assert results[0].get(WAIT) == {"number": 1}
        with pytest.raises(ValueError, match="no photo -1"):
            results[1].get(WAIT)
        pool.close()
        pool.join()
    assert [status_of(reporter, f"job_{n}")["status"] for n in (1, -1)] == ["completed", "failed"]


def test_a_worker_that_dies_fails_its_job(reporter: ProgressReporter) -> None:
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as pool, pytest.raises(BrokenProcessPool):
        submit(pool, reporter, "a", die).result(WAIT)
    assert status_of(reporter, "a")["errors"][0]["error_type"] == "BrokenProcessPool"


def test_a_future_that_is_cancelled_fails_its_job(reporter: ProgressReporter) -> None:
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        first = submit(pool, reporter, "first", go.wait, WAIT)
        second = submit(pool, reporter, "second", develop, 1)
        assert second.cancel()
        go.set()
    assert first.result() is True
    assert status_of(reporter, "first")["result"] == {"returned": True}
    assert status_of(reporter, "second")["result"] == {"error": "cancelled"}


def test_a_result_that_no_event_can_hold_is_told_in_words(reporter: ProgressReporter) -> None:
    with ThreadPoolExecutor(1) as pool:
        submit(pool, reporter, "a", lambda: {1: {2, 3}})
        submit(pool, reporter, "b", lambda: None)
    assert status_of(reporter, "a")["result"] == {"returned": "{1: {2, 3}}"}
    assert status_of(reporter, "b")["result"] == {}


def test_a_job_that_cannot_start_is_not_run(reporter: ProgressReporter) -> None:
    reporter.start_job("a", 7)
    ran: list[int] = []
    with ThreadPoolExecutor(1) as pool, pytest.raises(JobExists):
        submit(pool, reporter, "a", ran.append, 1)
    assert ran == []


def test_a_pool_that_takes_no_more_fails_the_job(reporter: ProgressReporter) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError):
        submit(pool, reporter, "a", develop, 1)
    assert status_of(reporter, "a")["status"] == "failed"


def test_results_are_steps_of_a_stage(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage, ThreadPoolExecutor(2) as pool:
        futures: list[Future[dict[str, int]]] = [pool.submit(develop, n) for n in range(4)]
        found = [future.result()["number"] for future in steps(stage, as_completed(futures), len(futures))]
    assert sorted(found) == [0, 1, 2, 3]
    assert (seen("job_progress")[-1].progress, seen("job_progress")[-1].message) == (100, "4/4")


def test_so_are_those_of_a_multiprocessing_pool(reporter: ProgressReporter, seen: Seen) -> None:
    with reporter.job("a") as job, job.stage("exporting") as stage, ThreadPool(2) as pool:
        assert len(list(steps(stage, pool.imap_unordered(develop, range(5)), 5))) == 5
        assert len(list(steps(stage, pool.map(develop, range(5))))) == 5
    assert seen("job_progress")[-1].message == "5/5"


def test_a_step_that_raises_leaves_the_count_before_it(reporter: ProgressReporter, seen: Seen) -> None:
    with (
        pytest.raises(ValueError, match="no photo"),
        reporter.job("a") as job,
        job.stage("exporting") as stage,
        ThreadPoolExecutor(1) as pool,
    ):
        list(steps(stage, pool.map(develop, [1, -1, 2]), 3))
    assert seen("job_progress")[-1].message == "1/3"
    assert status_of(reporter, "a")["errors"][0]["stage"] == "exporting"
