"""``/jobs/{job_id}/timeline``: a job's way through its stages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.api.clients import HttpClient
from tests.api.documents import check_answer
from tracker.progress_reporter import ProgressReporter
from tracker.times import now

_DAY = 86_400_000_000


def report(served: ProgressReporter, job_id: str = "job") -> None:
    """Importing, completed; exporting, left for importing again, which completes; an error; the end."""
    served.start_job(job_id, 1)
    served.update_progress(job_id, "importing", 10)
    served.update_progress(job_id, "importing", 90)
    served.complete_stage(job_id, "importing", {"size": 1})
    served.update_progress(job_id, "exporting", 5)
    served.report_error(job_id, "io", "disk full", stage="exporting")
    served.update_progress(job_id, "importing", 50)
    served.complete_stage(job_id, "importing")
    served.complete_job(job_id, success=False)
    served.flush()


async def timeline(http: HttpClient, job_id: str = "job") -> dict[str, Any]:
    answer = await http.get(f"/jobs/{job_id}/timeline")
    assert answer.status == 200
    check_answer("GET", "/jobs/{job_id}/timeline", answer)
    body: dict[str, Any] = answer.body["timeline"]
    return body


async def test_a_job_is_told_stage_by_stage(http: HttpClient, served: ProgressReporter) -> None:
    report(served)
    body = await timeline(http)
    events = {event["position"]: event for event in (await http.get("/jobs/job/events")).body["events"]}
    at = {position: event["timestamp"] for position, event in events.items()}
    assert [
        (one["stage"], one["occurrence"], one["started_at"], one["ended_at"], one["completed_at"])
        for one in body["stages"]
    ] == [
        ("importing", 1, at[2], at[4], at[4]),
        ("exporting", 1, at[5], at[7], None),
        ("importing", 2, at[7], at[8], at[8]),
    ]
    assert [(one["first_position"], one["last_position"], one["events"]) for one in body["stages"]] == [
        (2, 4, 3),
        (5, 5, 1),
        (7, 8, 2),
    ]
    assert [
        {"position": one["position"], "timestamp": one["timestamp"], "progress": one["progress"]}
        for one in body["stages"][0]["progress"]
    ] == [
        {"position": position, "timestamp": at[position], "progress": events[position]["progress"]}
        for position in (2, 3)
    ]
    (error,) = body["errors"]
    assert error == {
        "error_type": "io",
        "error_message": "disk full",
        "stage": "exporting",
        "timestamp": at[6],
        "position": 6,
    }
    assert (body["job_id"], body["status"]) == ("job", "failed")
    assert (body["first_position"], body["last_position"], body["events"]) == (1, 9, 9)
    assert (body["started_at"], body["completed_at"]) == (at[1], at[9])


async def test_durations_and_shares_are_those_of_the_times_that_are_told(
    http: HttpClient, served: ProgressReporter
) -> None:
    report(served)
    body = await timeline(http)
    whole = _seconds(body["started_at"], body["completed_at"])
    assert body["elapsed_seconds"] == pytest.approx(whole, abs=1e-9)
    for part in (*body["stages"], *body["gaps"]):
        assert part["duration"] == pytest.approx(_seconds(part["started_at"], part["ended_at"]), abs=1e-9)
        assert part["share"] == pytest.approx(part["duration"] / whole)


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


async def test_an_active_job_has_come_as_far_as_now(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("job")
    served.update_progress("job", "importing", 10).wait()
    first, second = (await timeline(http))["stages"], (await timeline(http))["stages"]
    assert (first[0]["ended_at"], first[0]["completed_at"]) == (None, None)
    assert first[0]["duration"] < second[0]["duration"]


async def test_a_job_that_only_started_has_no_stage_and_no_gap(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("job").wait()
    body = await timeline(http)
    assert (body["stages"], body["gaps"], body["errors"], body["events"]) == ([], [], [], 1)


async def test_a_long_curve_is_thinned(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("job")
    for index in range(5000):
        served.update_progress("job", "importing", index / 50)
    served.complete_job("job")
    served.flush()
    (stage,) = (await timeline(http))["stages"]
    values = [point["progress"] for point in stage["progress"]]
    assert (values[0], values[-1], stage["events"]) == (0, 99.98, 5000)
    assert 50 <= len(values) <= 100
    assert values == sorted(values)


async def test_an_unknown_job_is_a_404_and_a_pruned_one_a_410(http: HttpClient, served: ProgressReporter) -> None:
    report(served)
    assert (await http.get("/jobs/job/timeline")).status == 200
    served.tracker.retention.prune_once(now() + 60 * _DAY)
    for job_id, status, code in (("nobody", 404, "job_not_found"), ("job", 410, "job_pruned")):
        answer = await http.get(f"/jobs/{job_id}/timeline")
        assert (answer.status, answer.body["code"], answer.body["job_id"]) == (status, code, job_id)


async def test_a_parameter_means_nothing_here(http: HttpClient, served: ProgressReporter) -> None:
    report(served)
    answer = await http.get("/jobs/job/timeline", as_of="3")
    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "invalid_query", "as_of")
