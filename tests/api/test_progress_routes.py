"""``/progress``: the answers that clients of the seed read, and the calls of the Python API in HTTP's form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.clients import HttpClient
from tracker.progress_reporter import ProcessingStage, ProgressReporter

SEED_FIELDS = {"job_id", "photo_id", "current_stage", "progress", "elapsed_seconds", "stages_completed"}
ADDED_FIELDS = {
    "photo_info", "status", "message", "errors", "started_at", "updated_at", "completed_at", "success", "result",
    "duration", "position", "sequence", "eta", "eta_reason",
}  # fmt: skip


async def last_event(http: HttpClient, job_id: str) -> dict[str, Any]:
    event: dict[str, Any] = (await http.get(f"/jobs/{job_id}/events")).body["events"][-1]
    return event


async def test_a_jobs_progress_has_exactly_the_fields_of_the_protocol(
    http: HttpClient, served: ProgressReporter
) -> None:
    served.start_job("job_12345", 456, {"file_name": "IMG_001.CR3"})
    served.complete_stage("job_12345", ProcessingStage.IMPORTING, {"files": 1})
    served.update_progress("job_12345", ProcessingStage.EXIF_ANALYSIS, 25.0, "Analyzing…").wait()
    answer = await http.get("/progress/job/job_12345")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.body.keys() == {"success", "job_status"}
    assert answer.body["success"] is True
    job = answer.body["job_status"]
    assert job.keys() == SEED_FIELDS | ADDED_FIELDS
    assert (job["job_id"], job["photo_id"], job["current_stage"], job["progress"]) == (
        "job_12345", 456, "exif_analysis", 25.0,
    )  # fmt: skip
    assert isinstance(job["elapsed_seconds"], float)
    assert [stage["stage"] for stage in job["stages_completed"]] == ["importing"]
    assert job["stages_completed"][0].keys() == {"stage", "completed_at", "result"}
    assert (job["status"], job["position"], job["sequence"]) == ("active", 3, 3)


async def test_a_job_has_its_own_stages_only_if_it_declared_some(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("own", stages=["one", "two"]).wait()
    job = (await http.get("/progress/job/own")).body["job_status"]
    assert job.keys() == SEED_FIELDS | ADDED_FIELDS | {"stages"}
    assert job["stages"] == ["one", "two"]


async def test_the_progress_of_an_unknown_job_is_a_404(http: HttpClient) -> None:
    answer = await http.get("/progress/job/nobody")
    assert (answer.status, answer.body["success"], answer.body["code"]) == (404, False, "job_not_found")
    assert answer.body["job_id"] == "nobody"


async def test_no_active_jobs_are_an_empty_object(http: HttpClient) -> None:
    answer = await http.get("/progress/active")
    assert (answer.status, answer.body) == (200, {"success": True, "active_jobs": {}, "count": 0})


async def test_active_jobs_are_those_unfinished_in_the_order_they_started(
    http: HttpClient, served: ProgressReporter
) -> None:
    for job_id in ("b", "c", "a"):
        served.start_job(job_id)
    served.complete_job("c").wait()
    body = (await http.get("/progress/active")).body
    assert body.keys() == {"success", "active_jobs", "count"}
    assert body["count"] == 2
    assert list(body["active_jobs"]) == ["b", "a"]
    assert body["active_jobs"]["a"].keys() == SEED_FIELDS | ADDED_FIELDS


async def test_reporting_progress_answers_with_its_place(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("job_12345", 456)
    body = {
        "job_id": "job_12345",
        "stage": "exif_analysis",
        "progress": 25.0,
        "message": "Analyzing EXIF data...",
        "details": {"camera": "Canon EOS R5"},
    }
    answer = await http.post("/progress/report", body)
    assert (answer.status, answer.body) == (200, {"success": True, "position": 2, "sequence": 2})
    event = await last_event(http, "job_12345")
    assert event.items() >= {**body, "type": "job_progress", "photo_id": 456}.items()


async def test_reporting_an_error_leaves_the_job_active(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("job_12345", 456)
    body = {
        "job_id": "job_12345",
        "error_type": "validation_error",
        "error_message": "Invalid configuration",
        "error_details": {"field": "exposure"},
        "stage": "applying_preset",
    }
    answer = await http.post("/progress/error", body)
    assert (answer.status, answer.body) == (200, {"success": True, "position": 2, "sequence": 2})
    job = (await http.get("/progress/job/job_12345")).body["job_status"]
    assert job["status"] == "active"
    (error,) = job["errors"]
    assert error.keys() == {"error_type", "error_message", "error_details", "stage", "timestamp"}


async def test_a_whole_job_is_reported_over_http(http: HttpClient) -> None:
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("start", {"photo_id": 456, "photo_info": {"file_name": "IMG_001.CR3"}}, "job_started"),
        ("report", {"stage": "exif_analysis", "progress": 25}, "job_progress"),
        ("complete_stage", {"stage": "exif_analysis", "result": {"iso": 800}}, "stage_completed"),
        ("photo_info", {"photo_data": {"exif": {"iso": 800}}}, "photo_info"),
        ("error", {"error_type": "io", "error_message": "lost"}, "error_occurred"),
        ("complete", {"success": True, "result": {"blend": 60}, "duration": 15.5}, "job_completed"),
    ]
    for sequence, (path, fields, event_type) in enumerate(calls, 1):
        answer = await http.post(f"/progress/{path}", {"job_id": "j", **fields})
        assert (answer.status, answer.body) == (200, {"success": True, "position": sequence, "sequence": sequence})
        event = await last_event(http, "j")
        assert event.items() >= {"type": event_type, "photo_id": 456, **fields}.items()
    job = (await http.get("/progress/job/j")).body["job_status"]
    assert (job["status"], job["current_stage"], job["progress"]) == ("completed", "completed", 100.0)
    assert (job["success"], job["result"], job["duration"], job["elapsed_seconds"]) == (True, {"blend": 60}, 15.5, 15.5)


async def test_a_job_may_fail_over_http(http: HttpClient) -> None:
    await http.post("/progress/start", {"job_id": "j"})
    answer = await http.post("/progress/complete", {"job_id": "j", "success": False, "result": {"error": "gone"}})
    assert answer.status == 200
    assert (await last_event(http, "j"))["type"] == "job_failed"
    job = (await http.get("/progress/job/j")).body["job_status"]
    assert (job["status"], job["success"], job["result"]) == ("failed", False, {"error": "gone"})


async def test_completing_without_saying_how_is_a_success(http: HttpClient) -> None:
    await http.post("/progress/start", {"job_id": "j"})
    assert (await http.post("/progress/complete", {"job_id": "j"})).status == 200
    assert (await last_event(http, "j"))["success"] is True


@pytest.mark.parametrize("success", ["yes", 1, 0, [], {}, None])
async def test_success_is_true_or_false_and_nothing_else(http: HttpClient, success: object) -> None:
    await http.post("/progress/start", {"job_id": "j"})
    answer = await http.post("/progress/complete", {"job_id": "j", "success": success})
    assert (answer.status, answer.body["field"]) == (400, "success")
    assert await http.head() == 1


async def test_the_path_says_what_a_body_is_whatever_type_it_names(http: HttpClient) -> None:
    await http.post("/progress/start", {"job_id": "j", "type": "job_completed"})
    assert (await last_event(http, "j"))["type"] == "job_started"


async def test_a_repeated_call_with_an_event_id_answers_with_the_first_place(http: HttpClient) -> None:
    await http.post("/progress/start", {"job_id": "j"})
    body = {"job_id": "j", "stage": "importing", "progress": 5, "event_id": "e1"}
    first = await http.post("/progress/report", body)
    for same in (body, {**body, "progress": 5.0}, {**body, "details": []}):
        again = await http.post("/progress/report", same)
        assert (again.status, again.body) == (200, first.body)
    assert await http.head() == 2


@pytest.mark.parametrize("path", ["start", "report", "complete_stage", "photo_info", "error", "complete"])
@pytest.mark.parametrize("body", [[], [{"job_id": "job"}], "job", 5, None, {}])
async def test_a_body_that_is_no_object_with_a_job_is_refused(http: HttpClient, path: str, body: object) -> None:
    answer = await http.post_bytes(f"/progress/{path}", json.dumps(body).encode())
    assert (answer.status, answer.body["success"], answer.body["code"]) == (400, False, "invalid_event")
    assert await http.head() == 0


@pytest.mark.parametrize("job_id", ["a b", "ä/ö", "50%", "{x}", "?#&=+", "写真", "a%2Fb", "'\"\\"])
async def test_a_job_of_any_printable_name_is_found_by_it(
    http: HttpClient, served: ProgressReporter, job_id: str
) -> None:
    served.start_job(job_id).wait()
    for path in ("/progress/job/", "/jobs/"):
        answer = await http.get_encoded(path + quote(job_id, safe=""))
        assert (answer.status, answer.body["job_status"]["job_id"]) == (200, job_id)


@pytest.mark.parametrize("job_id", ["%00", "%FF", "%ED%A0%80", "%C0%80", "a%0Ab", "x" * 5000])
async def test_a_job_of_no_possible_name_is_not_found(http: HttpClient, job_id: str) -> None:
    for path in (f"/progress/job/{job_id}", f"/jobs/{job_id}", f"/jobs/{job_id}/events"):
        answer = await http.get_encoded(path)
        assert (answer.status, answer.body["code"]) == (404, "job_not_found"), path
