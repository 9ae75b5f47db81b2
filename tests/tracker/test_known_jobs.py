from __future__ import annotations

import pytest

from tests.builders import completed, started
from tests.tracker.recordings import present, recorded
from tracker import known_jobs
from tracker.errors import InvalidEvent, JobExists, JobFinished, JobNotFound
from tracker.events import Event
from tracker.known_jobs import KnownJobs
from tracker.projection import Job, fold


class Log:
    """Jobs by id, and what was asked for."""

    def __init__(self, *events: Event) -> None:
        self.asked: list[str] = []
        self._jobs = {one.job_id: present(fold(recorded(one))) for one in events}

    def load(self, job_id: str) -> Job:
        self.asked.append(job_id)
        try:
            return self._jobs[job_id]
        except KeyError:
            raise JobNotFound(job_id) from None


def test_a_job_that_this_reporter_started_is_known_without_the_log() -> None:
    log = Log()
    known = KnownJobs(log.load)
    known.started("a", started("a").payload, ())
    known.demand("a", "importing")
    assert log.asked == []


def test_another_job_is_looked_up_once() -> None:
    log = Log(started("a"))
    known = KnownJobs(log.load)
    known.demand("a")
    known.demand("a")
    assert log.asked == ["a"]


def test_a_job_that_is_nowhere_is_not_found_and_asked_for_again() -> None:
    log = Log()
    known = KnownJobs(log.load)
    for _ in range(2):
        with pytest.raises(JobNotFound):
            known.demand("a")
    assert log.asked == ["a", "a"]


def test_the_stage_is_one_of_the_jobs() -> None:
    known = KnownJobs(Log(started("b", stages=("scan",))).load)
    known.started("a", "", ("print",))
    known.demand("a", "print")
    known.demand("b", "scan")
    for job_id in "ab":
        with pytest.raises(InvalidEvent):
            known.demand(job_id, "importing")


def test_a_finished_job_takes_only_another_end() -> None:
    known = KnownJobs(Log().load)
    known.started("a", "", ())
    known.demand("a", ends=True)
    known.finished("a")
    known.demand("a", ends=True)
    with pytest.raises(JobFinished):
        known.demand("a")


def test_a_job_that_the_log_says_is_finished_is_so() -> None:
    finished = present(fold(recorded(started("a"), completed("a"))))
    with pytest.raises(JobFinished):
        KnownJobs(lambda _: finished).demand("a")


def test_a_job_is_not_started_again_with_other_content() -> None:
    known = KnownJobs(Log().load)
    known.demand_new("a", started("a", photo_info={"x": 1, "y": 2}).payload)
    known.started("a", started("a", photo_info={"x": 1, "y": 2}).payload, ())
    known.demand_new("a", started("a", photo_info={"x": 1, "y": 2}).payload)
    known.demand_new("a", started("a", photo_info={"y": 2, "x": 1}).payload)
    with pytest.raises(JobExists):
        known.demand_new("a", started("a", photo_info={"x": 1, "y": 3}).payload)


def test_of_a_job_that_others_started_only_the_log_knows_the_content() -> None:
    known = KnownJobs(Log(started("a")).load)
    known.demand("a")
    known.demand_new("a", started("a", photo_id=1).payload)


def test_a_repeated_start_does_not_revive_a_finished_job() -> None:
    known = KnownJobs(Log().load)
    known.started("a", "{}", ())
    known.finished("a")
    known.started("a", "{}", ())
    with pytest.raises(JobFinished):
        known.demand("a")


def test_the_oldest_jobs_are_forgotten_and_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_jobs, "_MOST", 10)
    log = Log(started("0"), started("10"))
    known = KnownJobs(log.load)
    for number in range(10):
        known.started(str(number), "", ())
    known.demand("0")
    assert log.asked == []
    known.started("10", "", ())
    known.demand("10")
    known.demand("0")
    assert log.asked == ["0"]
