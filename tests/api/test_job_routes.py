"""``/jobs``: history in pages that stay as they are while new jobs arrive."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.clients import HttpClient
from tracker.progress_reporter import ProgressReporter


def ids(body: dict[str, Any]) -> list[str]:
    return [job["job_id"] for job in body["jobs"]]


async def every_page(http: HttpClient, **query: Any) -> list[list[str]]:
    """The job ids, page by page."""
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        body = (await http.get("/jobs", **query, **cursor)).body
        pages.append(ids(body))
        if "cursor" not in body:
            return pages
        cursor = {"cursor": body["cursor"]}


def start_some(served: ProgressReporter, count: int) -> None:
    """Jobs ``0``, ``1``, …: every third completed, every third failed, the others active."""
    for number in range(count):
        served.start_job(str(number), number)
        if number % 3:
            served.complete_job(str(number), success=number % 3 == 1)
    served.flush()


async def test_no_jobs_are_an_empty_list(http: HttpClient) -> None:
    answer = await http.get("/jobs")
    assert (answer.status, answer.body) == (200, {"success": True, "jobs": []})


async def test_jobs_are_shown_newest_first_as_everywhere(http: HttpClient, served: ProgressReporter) -> None:
    start_some(served, 3)
    body = (await http.get("/jobs")).body
    assert body.keys() == {"success", "jobs"}
    assert ids(body) == ["2", "1", "0"]
    for job in body["jobs"][:2]:
        assert job == (await http.get(f"/jobs/{job['job_id']}")).body["job_status"]
    assert body["jobs"][2].keys() == (await http.get("/progress/job/0")).body["job_status"].keys()


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8, 1000])
async def test_pages_follow_each_other_and_the_last_has_no_cursor(
    http: HttpClient, served: ProgressReporter, limit: int
) -> None:
    start_some(served, 7)
    pages = await every_page(http, limit=limit)
    assert [job_id for page in pages for job_id in page] == ["6", "5", "4", "3", "2", "1", "0"]
    assert len(pages) == -(-7 // limit)


async def test_a_page_has_a_hundred_jobs_unless_it_is_said(http: HttpClient, served: ProgressReporter) -> None:
    start_some(served, 101)
    assert [len(page) for page in await every_page(http)] == [100, 1]


async def test_pages_stay_as_they_are_while_new_jobs_arrive(http: HttpClient, served: ProgressReporter) -> None:
    start_some(served, 6)
    first = (await http.get("/jobs", limit=2)).body
    served.start_job("new")
    served.update_progress("3", "exporting", 50).wait()
    second = (await http.get("/jobs", limit=2, cursor=first["cursor"])).body
    served.start_job("newer")
    served.complete_job("0").wait()
    third = (await http.get("/jobs", limit=2, cursor=second["cursor"])).body
    assert [ids(page) for page in (first, second, third)] == [["5", "4"], ["3", "2"], ["1", "0"]]
    assert "cursor" not in third
    assert ids((await http.get("/jobs", limit=2)).body) == ["newer", "new"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("active", ["6", "3", "0"]), ("completed", ["4", "1"]), ("failed", ["5", "2"])],
)
async def test_jobs_are_filtered_by_their_status_page_by_page(
    http: HttpClient, served: ProgressReporter, status: str, expected: list[str]
) -> None:
    start_some(served, 7)
    assert ids((await http.get("/jobs", status=status)).body) == expected
    assert await every_page(http, status=status, limit=1) == [[job_id] for job_id in expected]


@pytest.mark.parametrize(
    "query",
    [
        *[f"limit={value}" for value in ("0", "1001", "-1", "ten", "", "1.0", "+5", "%D9%A3")],
        *[f"cursor={value}" for value in ("-1", "x", "", "1.5", "1" * 17, "%00")],
        *[f"status={value}" for value in ("", "done", "ACTIVE", "active,failed")],
        "state=active",
        "Status=active",
        "after=3",
        "limit=2&offset=2",
    ],
)
async def test_a_query_that_makes_no_sense_is_a_400(http: HttpClient, served: ProgressReporter, query: str) -> None:
    start_some(served, 3)
    answer = await http.get_encoded(f"/jobs?{query}")
    assert (answer.status, answer.body["success"], answer.body["code"]) == (400, False, "invalid_query")
    assert answer.body["field"]
    assert (await http.get_encoded("/jobs?limit=1")).status == 200


async def test_a_misspelt_parameter_is_told_which_there_are(http: HttpClient) -> None:
    answer = await http.get("/jobs", stauts="active")
    assert answer.body["field"] == "stauts"
    assert "sort, limit, cursor, total, as_of" in answer.body["error"]


async def test_one_job_is_its_status(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("j", 456, {"file_name": "IMG_001.CR3"})
    served.complete_job("j", result={"blend": 60}, duration=5.2).wait()
    body = (await http.get("/jobs/j")).body
    assert body == (await http.get("/progress/job/j")).body
    assert body["job_status"] == served.get_job_status("j")


async def test_a_jobs_events_are_its_messages_in_order(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("j", 456, {"file_name": "IMG_001.CR3"})
    served.start_job("other")
    served.update_progress("j", "exif_analysis", 25, "Reading", {"iso": 800}).wait()
    answer = await http.get("/jobs/j/events")
    assert answer.body.keys() == {"success", "events", "head"}
    assert answer.body["head"] == 3
    first, second = answer.body["events"]
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "type": "job_started",
        "job_id": "j",
        "photo_id": 456,
        "photo_info": {"file_name": "IMG_001.CR3"},
        "position": 1,
        "sequence": 1,
    }
    assert second.pop("timestamp").endswith("Z")
    assert second == {
        "type": "job_progress",
        "job_id": "j",
        "photo_id": 456,
        "stage": "exif_analysis",
        "progress": 25.0,
        "message": "Reading",
        "details": {"iso": 800},
        "position": 3,
        "sequence": 2,
    }


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1000])
async def test_a_jobs_events_come_in_pages_by_their_positions(
    http: HttpClient, served: ProgressReporter, limit: int
) -> None:
    served.start_job("j")
    served.start_job("other")
    for progress in range(4):
        served.update_progress("j", "importing", progress)
        served.update_progress("other", "importing", progress)
    served.flush()
    found: list[int] = []
    cursor, pages = 0, 0
    while True:
        body = (await http.get("/jobs/j/events", after=cursor, limit=limit)).body
        found += [event["sequence"] for event in body["events"]]
        pages += 1
        if "cursor" not in body:
            break
        cursor = body["cursor"]
    assert found == [1, 2, 3, 4, 5]
    assert pages == -(-5 // limit)


async def test_after_the_last_event_there_is_an_empty_page(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("j").wait()
    for after in (1, 2, 2**53 - 1):
        body = (await http.get("/jobs/j/events", after=after)).body
        assert (body["events"], body["head"]) == ([], 1)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "after=x", "after=9007199254740992", "type=x"])
async def test_a_page_of_events_that_makes_no_sense_is_a_400(
    http: HttpClient, served: ProgressReporter, query: str
) -> None:
    served.start_job("j").wait()
    answer = await http.get_encoded(f"/jobs/j/events?{query}")
    assert (answer.status, answer.body["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/events", "/progress/job/{}"])
async def test_an_unknown_job_is_a_404_and_a_pruned_one_a_410(
    http: HttpClient, served: ProgressReporter, path: str
) -> None:
    served.start_job("pruned")
    served.complete_job("pruned").wait()
    assert (await http.get(path.format("pruned"))).status == 200
    assert served.tracker.retention.prune_once(2**60).jobs == 1
    for job_id, status, code in (("nobody", 404, "job_not_found"), ("pruned", 410, "job_pruned")):
        answer = await http.get(path.format(job_id))
        assert (answer.status, answer.body["success"], answer.body["code"]) == (status, False, code)
        assert answer.body["job_id"] == job_id


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/progress/start", {}),
        ("/progress/report", {"stage": "importing", "progress": 1}),
        ("/progress/complete_stage", {"stage": "importing"}),
        ("/progress/photo_info", {"photo_data": {}}),
        ("/progress/error", {"error_type": "io", "error_message": "lost"}),
        ("/progress/complete", {}),
    ],
)
async def test_a_pruned_job_takes_nothing_more(
    http: HttpClient, served: ProgressReporter, path: str, fields: dict[str, Any]
) -> None:
    served.start_job("pruned", 1)
    served.complete_job("pruned").wait()
    served.tracker.retention.prune_once(2**60)
    answer = await http.post(path, {"job_id": "pruned", **fields})
    assert (answer.status, answer.body["code"]) == (410, "job_pruned")
    assert await http.head() == 2


async def test_pruned_jobs_are_gone_from_the_pages_and_raise_the_horizon(
    http: HttpClient, served: ProgressReporter
) -> None:
    start_some(served, 6)
    first = (await http.get("/jobs", limit=2)).body
    served.tracker.retention.prune_once(2**60)
    rest = (await http.get("/jobs", cursor=first["cursor"])).body
    assert ids(rest) == ["3", "0"]
    status = (await http.get("/ws/status")).body
    assert (status["head"], status["horizon"]) == (10, 10)
