"""``/stats``, and the ``eta`` of an active job."""

from __future__ import annotations

import pytest

from tests.acceptance.test_insight import steady
from tests.api.clients import HttpClient
from tests.tracker.test_statistics import BAD
from tracker.progress_reporter import ProgressReporter

ROUTES = ("/jobs/busy", "/progress/job/busy")


def finish(served: ProgressReporter, count: int, stages: tuple[str, ...] = ("scan", "print")) -> None:
    for number in range(count):
        name = f"{'-'.join(stages)}{number}"
        served.start_job(name, number, stages=stages)
        for stage in stages:
            served.complete_stage(name, stage)
        if number % 4 == 3:
            served.report_error(name, "jam", "Paper jam", stage=stages[-1])
        served.complete_job(name, success=number % 4 != 3)
    served.flush()


async def test_everything_in_brief(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 8)
    served.start_job("busy", 1)
    served.flush()
    body = (await http.get("/stats")).body
    assert (body["success"], body["since"], body["until"], body["position"]) == (True, None, None, 35)
    jobs = body["jobs"]
    assert (jobs["started"], jobs["completed"], jobs["failed"], jobs["active"]) == (9, 6, 2, 1)
    assert jobs["failure_share"] == 0.25
    assert jobs["duration"].keys() == {"mean", "p50", "p90", "p99"}
    assert body["events"]["recorded"] == 35
    assert body["events"]["by_type"]["stage_completed"] == 16
    assert {stage["stage"]: (stage["completed"], stage["errors"]) for stage in body["stages"]} == {
        "scan": (8, 0),
        "print": (8, 2),
    }
    assert body["errors"] == {"reported": 2, "by_type": [{"error_type": "jam", "errors": 2, "share": 1.0}]}


async def test_groups(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 4)
    for group_by, first in (("stage", "stage"), ("status", "status"), ("hour", "hour"), ("error_type", "error_type")):
        body = (await http.get("/stats", group_by=group_by)).body
        assert body["group_by"] == group_by
        assert body["groups"]
        assert all(next(iter(group)) == first for group in body["groups"])


async def test_the_statistics_as_of_a_position_are_those_given_then(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 4)
    then = (await http.get("/stats")).body
    finish(served, 4, ("other",))
    assert steady((await http.get("/stats", as_of=then["position"])).body) == steady(then)
    assert steady((await http.get("/stats")).body) != steady(then)


@pytest.mark.parametrize(("given", "field"), BAD)
async def test_what_makes_no_sense_is_a_400_that_names_it(http: HttpClient, given: dict[str, str], field: str) -> None:
    answer = await http.get("/stats", **given)
    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "invalid_query", field)


@pytest.mark.parametrize("query", [{"as_of": "99"}, {"as_of": "9000-01-01T00:00:00Z"}, {"groupby": "stage"}])
async def test_what_is_not_there_is_a_400(http: HttpClient, query: dict[str, str]) -> None:
    answer = await http.get("/stats", **query)
    assert (answer.status, answer.body["field"]) == (400, next(iter(query)))


async def test_an_active_job_has_an_eta_wherever_it_is_shown(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 20)
    served.start_job("busy", 1, stages=("scan", "print"))
    served.update_progress("busy", "scan", 10)
    served.flush()
    shown = [(await http.get(path)).body["job_status"] for path in ROUTES]
    shown.append((await http.get("/progress/active")).body["active_jobs"]["busy"])
    shown.append((await http.get("/jobs", status="active")).body["jobs"][0])
    own = served.get_job_status("busy")
    assert own is not None
    for status in (*shown, own, served.get_active_jobs()["busy"]):
        assert status["eta"]["jobs"] == 15
        assert 0 <= status["eta"]["p50"] <= status["eta"]["p90"]
        assert "eta_reason" not in status


async def test_without_enough_history_there_is_a_reason(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 12)  # nine of them end well
    served.start_job("busy", 1, stages=("scan", "print"))
    served.flush()
    for path in ROUTES:
        status = (await http.get(path)).body["job_status"]
        assert (status["eta"], status["eta_reason"]) == (None, "too_little_history")


async def test_a_finished_job_has_no_eta(http: HttpClient, served: ProgressReporter) -> None:
    finish(served, 20)
    status = (await http.get("/jobs/scan-print0")).body["job_status"]
    assert status.keys().isdisjoint({"eta", "eta_reason"})
