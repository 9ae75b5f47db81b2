"""``/jobs`` under filters, and as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.clients import HttpClient
from tests.api.test_job_routes import every_page, ids
from tracker.progress_reporter import ProgressReporter
from tracker.receipt import Receipt
from tracker.times import MICROSECONDS, iso, now


def fill(served: ProgressReporter) -> None:
    """Positions 1 to 10: ``a`` fails, ``b`` completes, ``c`` goes on."""
    served.start_job("a", 1, {"file_name": "IMG_0001.CR3"})
    served.start_job("b", "two")
    served.update_progress("a", "exif_analysis", 30, "Reading")
    served.complete_stage("a", "exif_analysis", {"iso": 800})
    served.report_error("a", "disk", "No space left", {"free": 0}, stage="exif_analysis")
    served.update_progress("b", "quality_check", 60, "Looking")
    served.start_job("c", 1)
    served.complete_job("a", success=False)
    served.complete_job("b", duration=5.2)
    served.update_progress("c", "exporting", 90, "Writing")
    served.flush()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "active"}, ["c"]),
        ({"stage": "exporting"}, ["c"]),
        ({"photo_id": "1"}, ["c", "a"]),
        ({"photo_id": "two"}, ["b"]),
        ({"since": "2020-01-01T00:00:00Z"}, ["c", "b", "a"]),
        ({"until": "2020-01-01T00:00:00+02:00"}, []),
        ({"q": "img_0001"}, ["a"]),
        ({"q": "SPACE"}, ["a"]),
        ({"q": "writ"}, ["c"]),
        ({"error_type": "disk"}, ["a"]),
        ({"sort": "started"}, ["a", "b", "c"]),
        ({"sort": "-duration", "photo_id": "two"}, ["b"]),
        ({"sort": "completed"}, ["a", "b"]),
        ({"status": "failed", "q": "disk", "photo_id": "1"}, ["a"]),
    ],
)
async def test_filters_find_what_they_mean(
    http: HttpClient, served: ProgressReporter, query: dict[str, str], expected: list[str]
) -> None:
    fill(served)
    body = (await http.get("/jobs", **query, total="true")).body
    assert (ids(body), body["total"]) == (expected, len(expected))
    assert await every_page(http, **query, limit=1) == ([[job_id] for job_id in expected] or [[]])


async def test_totals_come_on_request_only_and_are_of_all_pages(http: HttpClient, served: ProgressReporter) -> None:
    fill(served)
    assert "total" not in (await http.get("/jobs")).body
    first = (await http.get("/jobs", limit=1, total="true")).body
    assert first["total"] == 3
    assert (await http.get("/jobs", limit=1, total="true", cursor=first["cursor"])).body["total"] == 3


@pytest.mark.parametrize("other", [{"status": "active"}, {"sort": "started"}, {"q": "a"}, {"as_of": 9}, {"stage": "x"}])
async def test_a_cursor_is_good_for_its_own_query_only(
    http: HttpClient, served: ProgressReporter, other: dict[str, Any]
) -> None:
    fill(served)
    cursor = (await http.get("/jobs", limit=1)).body["cursor"]
    assert (await http.get("/jobs", limit=2, cursor=cursor)).status == 200
    answer = await http.get("/jobs", cursor=cursor, **other)
    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "invalid_query", "cursor")
    assert "is of another query" in answer.body["error"]


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ({"since": "yesterday"}, "since", "must be a time in ISO 8601 with its zone"),
        ({"since": "2025-11-09T10:30:00"}, "since", "must be a time in ISO 8601 with its zone"),
        ({"until": "2025-02-30T10:30:00Z"}, "until", "must be a time in ISO 8601 with its zone"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"}, "since", "is after until"),
        ({"sort": "name"}, "sort", "must be one of started, -started, updated"),
        ({"sort": "duration", "status": "active"}, "sort", "has nothing to go by in active jobs"),
        ({"status": "done"}, "status", "must be one of active, completed, failed"),
        ({"q": ""}, "q", "must be 1 to 200 printable characters"),
        ({"q": "x" * 201}, "q", "must be 1 to 200 printable characters"),
        ({"stage": "a\nb"}, "stage", "must be 1 to 200 printable characters"),
        ({"total": "yes"}, "total", "must be true or false"),
        ({"cursor": "bm90IG9uZQ"}, "cursor", "is not one that this server gave"),
        ({"as_of": "-1"}, "as_of", "must be a position, or a time in ISO 8601"),
        ({"as_of": "now"}, "as_of", "must be a position, or a time in ISO 8601"),
        ({"as_of": "11"}, "as_of", "is beyond the log, which ends at position 10"),
        ({"as_of": "2999-01-01T00:00:00Z"}, "as_of", "is in the future"),
        ({"as_of": "3", "sort": "updated"}, "sort", "must be started or -started together with as_of"),
        ({"as_of": "3", "total": "true"}, "total", "is not counted together with as_of"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    http: HttpClient, served: ProgressReporter, query: dict[str, str], field: str, sentence: str
) -> None:
    fill(served)
    answer = await http.get("/jobs", **query)
    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "invalid_query", field)
    assert sentence in answer.body["error"]


async def answers_on_the_way(http: HttpClient, served: ProgressReporter) -> list[tuple[Any, Any]]:
    """What the server says of all jobs and of ``a`` after each event of :func:`fill`."""
    seen: list[tuple[Any, Any]] = []
    steps: list[Callable[[], Receipt]] = [
        lambda: served.start_job("a", 1, {"file_name": "IMG_0001.CR3"}),
        lambda: served.update_progress("a", "exif_analysis", 30, "Reading"),
        lambda: served.start_job("b"),
        lambda: served.report_error("a", "disk", "No space left"),
        lambda: served.complete_stage("a", "exif_analysis", {"iso": 800}),
        lambda: served.complete_job("b"),
        lambda: served.complete_job("a", success=False),
    ]
    for step in steps:
        step().wait()
        seen.append(((await http.get("/jobs")).body["jobs"], (await http.get("/jobs/a")).body["job_status"]))
    return seen


def without_the_clock(job: dict[str, Any]) -> dict[str, Any]:
    """An active job's elapsed time goes on, and what is estimated rests on the past of now."""
    clock = {"elapsed_seconds", "eta", "eta_reason"} if job["status"] == "active" else set()
    return {name: value for name, value in job.items() if name not in clock}


async def test_as_of_a_position_gives_what_was_answered_then(http: HttpClient, served: ProgressReporter) -> None:
    seen = await answers_on_the_way(http, served)
    for position, (jobs, job) in enumerate(seen, start=1):
        listed = (await http.get("/jobs", as_of=position)).body
        shown = (await http.get("/jobs/a", as_of=position)).body
        assert (listed["as_of"], shown["as_of"]) == (position, position)
        assert list(map(without_the_clock, listed["jobs"])) == list(map(without_the_clock, jobs))
        assert without_the_clock(shown["job_status"]) == without_the_clock(job)


async def test_as_of_a_time_gives_what_was_answered_then(http: HttpClient, served: ProgressReporter) -> None:
    await answers_on_the_way(http, served)
    events = (await http.get("/events")).body["events"]
    for event in events:
        by_time = (await http.get("/jobs", as_of=event["timestamp"])).body
        assert by_time == (await http.get("/jobs", as_of=event["position"])).body


async def test_elapsed_seconds_are_those_of_then(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("a").wait()
    served.update_progress("a", "importing", 1).wait()
    job = (await http.get("/jobs/a", as_of=1)).body["job_status"]
    assert job["elapsed_seconds"] == 0
    later = iso(now())
    first = (await http.get("/jobs/a", as_of=later)).body["job_status"]["elapsed_seconds"]
    assert first > 0
    assert (await http.get("/jobs/a", as_of=later)).body["job_status"]["elapsed_seconds"] == first


@pytest.mark.parametrize(
    ("position", "query", "expected"),
    [
        (2, {}, ["b", "a"]),
        (0, {}, []),
        (6, {"status": "active"}, ["b", "a"]),
        (8, {"status": "active"}, ["c", "b"]),
        (8, {"status": "failed"}, ["a"]),
        (6, {"stage": "quality_check"}, ["b"]),
        (10, {"stage": "quality_check"}, []),
        (4, {"error_type": "disk"}, []),
        (5, {"error_type": "disk"}, ["a"]),
        (6, {"q": "looking"}, ["b"]),
        (5, {"q": "looking"}, []),
        (7, {"photo_id": "1"}, ["c", "a"]),
        (7, {"sort": "started"}, ["a", "b", "c"]),
    ],
)
async def test_filters_go_by_the_state_of_then(
    http: HttpClient, served: ProgressReporter, position: int, query: dict[str, str], expected: list[str]
) -> None:
    fill(served)
    assert ids((await http.get("/jobs", as_of=position, **query)).body) == expected
    assert await every_page(http, as_of=position, limit=1, **query) == ([[one] for one in expected] or [[]])


async def test_before_it_started_a_job_is_not_known(http: HttpClient, served: ProgressReporter) -> None:
    fill(served)
    for then in ("6", "0", "1999-01-01T00:00:00Z"):
        answer = await http.get("/jobs/c", as_of=then)
        assert (answer.status, answer.body["code"]) == (404, "job_not_found")
    assert (await http.get("/jobs/c", as_of=7)).status == 200
    assert (await http.get("/jobs", as_of="1999-01-01T00:00:00Z")).body["jobs"] == []


async def test_below_the_horizon_is_a_410(http: HttpClient, served: ProgressReporter) -> None:
    fill(served)
    served.tracker.retention.prune_once(2**60)
    for path in ("/jobs", "/jobs/c"):
        answer = await http.get(path, as_of=8)
        assert (answer.status, answer.body["code"]) == (410, "history_pruned")
        assert (answer.body["as_of"], answer.body["horizon"]) == (8, 9)
        assert "events up to 9 were pruned" in answer.body["error"]
        assert (await http.get(path, as_of=9)).status == 200
    assert (await http.get("/jobs/a", as_of=10)).body["code"] == "job_pruned"


async def test_pages_by_update_do_not_repeat_while_jobs_change(http: HttpClient, served: ProgressReporter) -> None:
    fill(served)
    first = (await http.get("/jobs", sort="-updated", limit=1)).body
    assert ids(first) == ["c"]
    served.start_job("new")
    served.update_progress("c", "exporting", 95).wait()
    rest = (await http.get("/jobs", sort="-updated", cursor=first["cursor"])).body
    assert ids(rest) == ["b", "a"]


async def test_since_takes_its_moment_in_and_until_leaves_it_out(http: HttpClient, served: ProgressReporter) -> None:
    served.start_job("a").wait()
    started = (await http.get("/jobs/a")).body["job_status"]["started_at"]
    assert ids((await http.get("/jobs", since=started)).body) == ["a"]
    assert ids((await http.get("/jobs", until=started)).body) == []
    assert ids((await http.get("/jobs", until=iso(now() + MICROSECONDS))).body) == ["a"]
