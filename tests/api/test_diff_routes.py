"""``/jobs/diff``: two runs held against each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.clients import HttpClient
from tests.api.documents import check_answer
from tracker.progress_reporter import ProgressReporter
from tracker.times import now

_DAY = 86_400_000_000


def report(served: ProgressReporter, job_id: str, *, score: float = 4.0, fails: bool = False) -> None:
    """Seven events; with ``fails`` the sixth is an error, and the job ends with the seventh."""
    served.start_job(job_id, job_id, {"file_name": "IMG_1.jpg"})
    served.update_progress(job_id, "importing", 10)
    served.complete_stage(job_id, "importing", {"size": 12})
    served.update_progress(job_id, "ai_evaluation", 20, "Looking", {"model": "m1"})
    served.update_progress(job_id, "ai_evaluation", 60, "Looking", {"model": "m1", "faces": [score]})
    if fails:
        served.report_error(job_id, "timeout", "no answer", stage="ai_evaluation")
    else:
        served.complete_stage(job_id, "ai_evaluation", {"score": score})
    served.complete_job(job_id, success=not fails, result={} if fails else {"score": score})
    served.flush()


async def diff(http: HttpClient, a: str, b: str) -> dict[str, Any]:
    answer = await http.get("/jobs/diff", a=a, b=b)
    assert answer.status == 200, answer.body
    check_answer("GET", "/jobs/diff", answer)
    body: dict[str, Any] = answer.body["diff"]
    return body


async def test_the_first_event_where_two_runs_part(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "good")
    report(served, "bad", fails=True)
    turn = (await diff(http, "good", "bad"))["divergence"]["turn"]
    assert {name: turn["a"][name] for name in ("position", "sequence", "type", "stage")} == {
        "position": 6,
        "sequence": 6,
        "type": "stage_completed",
        "stage": "ai_evaluation",
    }
    assert (turn["b"]["position"], turn["b"]["sequence"], turn["b"]["type"]) == (13, 6, "error_occurred")
    events = (await http.get("/jobs/bad/events")).body["events"]
    assert events[5]["position"] == turn["b"]["position"]
    assert events[5]["timestamp"] == turn["b"]["timestamp"]
    assert turn["differs"] == [
        {"path": "type", "a": "stage_completed", "b": "error_occurred"},
        {"path": "error_type", "a": None, "b": "timeout"},
    ]


async def test_stages_side_by_side_and_what_only_one_has(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "a")
    served.start_job("b")
    served.complete_stage("b", "exif_analysis")
    served.update_progress("b", "importing", 50)
    served.flush()
    body = await diff(http, "a", "b")
    assert [(row["stage"], row["a"] is None, row["b"] is None) for row in body["stages"]] == [
        ("exif_analysis", True, False),
        ("importing", False, False),
        ("ai_evaluation", False, True),
    ]
    for row in body["stages"]:
        if row["a"] is None or row["b"] is None:
            assert row["difference"] is None
        else:
            assert row["difference"] == pytest.approx(row["b"] - row["a"])
    assert body["difference"] == pytest.approx(body["b"]["elapsed_seconds"] - body["a"]["elapsed_seconds"])
    timeline = (await http.get("/jobs/a/timeline")).body["timeline"]
    told = {row["stage"]: row["a"] for row in body["stages"]}
    assert {one["stage"]: one["duration"] for one in timeline["stages"]}.items() <= told.items()


async def test_details_and_results_that_differ(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "a", score=4.0)
    report(served, "b", score=3.5)
    body = await diff(http, "a", "b")
    assert body["differences"] == [
        {"path": path, "a": 4.0, "b": 3.5}
        for path in ("stages.ai_evaluation.details.faces[0]", "stages.ai_evaluation.result.score", "result.score")
    ]
    assert body["same"] is False
    assert body["divergence"]["turn"] is None
    content = body["divergence"]["content"]
    assert (content["a"]["sequence"], content["b"]["sequence"]) == (5, 5)
    assert content["differs"] == [{"path": "details.faces[0]", "a": 4.0, "b": 3.5}]


async def test_many_differences_are_bounded(http: HttpClient, served: ProgressReporter) -> None:
    for job_id in "ab":
        served.start_job(job_id, 1, {str(index): job_id for index in range(101)})
    served.start_job("c", 1, {str(index): "a" for index in range(1, 101)})
    served.flush()
    body = await diff(http, "a", "b")
    assert (len(body["differences"]), body["has_more_differences"]) == (100, True)
    assert len(body["divergence"]["content"]["differs"]) == 100
    body = await diff(http, "c", "b")
    assert (len(body["differences"]), body["has_more_differences"]) == (100, True)
    body = await diff(http, "a", "c")
    assert (len(body["differences"]), body["has_more_differences"]) == (1, False)


async def test_errors_and_outcomes(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "good")
    report(served, "bad", fails=True)
    body = await diff(http, "bad", "good")
    assert (body["a"]["status"], body["b"]["status"]) == ("failed", "completed")
    assert (body["a"]["error_count"], body["b"]["error_count"]) == (1, 0)
    assert [(error["error_type"], error["position"]) for error in body["errors"]["a"]] == [("timeout", 13)]
    assert (body["errors"]["b"], body["errors"]["both"]) == ([], 0)


async def test_a_job_and_itself_have_no_differences(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "a", fails=True)
    report(served, "again", fails=True)
    for other in ("a", "again"):
        body = await diff(http, "a", other)
        assert body["same"] is True
        assert body["divergence"] == {"turn": None, "content": None}
        assert (body["differences"], body["errors"]) == ([], {"a": [], "b": [], "both": 1})


async def test_a_difference_far_behind_is_found(http: HttpClient, served: ProgressReporter) -> None:
    for job_id in "ab":
        served.start_job(job_id)
        for index in range(2500):
            served.update_progress(
                job_id, "importing", index / 25, details={"n": index + (job_id == "b" and index == 2300)}
            )
    served.flush()
    body = await diff(http, "a", "b")
    assert body["divergence"]["turn"] is None
    content = body["divergence"]["content"]
    assert content["a"]["sequence"] == content["b"]["sequence"] == 2302
    assert content["differs"] == [{"path": "details.n", "a": 2300, "b": 2301}]


async def test_typical_is_the_median_of_the_last_fifty_of_the_same_stages(
    http: HttpClient, served: ProgressReporter
) -> None:
    for number in range(52):
        report(served, str(number))
    served.start_job("other")
    served.complete_stage("other", "exporting")
    served.complete_job("other")
    report(served, "failed", fails=True)
    served.flush()
    body = await diff(http, "failed", "typical")
    assert (body["b"]["job_id"], body["b"]["jobs"], body["b"]["status"]) == (None, 50, "completed")
    took: dict[str, list[float]] = {}
    for number in range(2, 52):
        for stage in (await http.get(f"/jobs/{number}/timeline")).body["timeline"]["stages"]:
            took.setdefault(stage["stage"], []).append(stage["duration"])
    for row in body["stages"]:
        middle = sorted(took[row["stage"]])[24:26]
        assert row["b"] == pytest.approx(sum(middle) / 2)
    assert (body["divergence"], body["errors"], body["differences"], body["same"]) == (None, None, [], None)


async def test_without_history_nothing_is_typical(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "only")
    report(served, "bad", fails=True)
    answer = await http.get("/jobs/diff", a="only", b="typical")
    assert (answer.status, answer.body["code"], answer.body["job_id"]) == (404, "no_history", "only")
    report(served, "second")
    assert (await diff(http, "only", "typical"))["b"]["jobs"] == 1


async def test_a_job_named_diff_does_not_hide_the_comparison(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "diff")
    report(served, "typical")
    assert (await diff(http, "diff", "diff"))["a"]["job_id"] == "diff"
    assert (await diff(http, "typical", "diff"))["a"]["job_id"] == "typical"
    assert (await http.get("/progress/job/diff")).body["job_status"]["job_id"] == "diff"
    assert (await http.get("/jobs/diff/timeline")).body["timeline"]["job_id"] == "diff"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "a"),
        ("a=one", "b"),
        ("b=one", "a"),
        ("a=&b=one", "a"),
        ("a=one&b=one&b=one", "b"),
        ("a=one&b=one&c=1", "c"),
    ],
)
async def test_a_query_that_makes_no_sense_is_a_400(
    http: HttpClient, served: ProgressReporter, query: str, field: str
) -> None:
    report(served, "one")
    answer = await http.get_encoded(f"/jobs/diff?{query}")
    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "invalid_query", field)
    assert (await http.get_encoded("/jobs/diff?a=one&b=one")).status == 200


async def test_an_unknown_job_is_a_404_and_a_pruned_one_a_410(http: HttpClient, served: ProgressReporter) -> None:
    report(served, "gone")
    served.tracker.retention.prune_once(now() + 60 * _DAY)
    report(served, "one")
    for job_id, status, code in (("nobody", 404, "job_not_found"), ("gone", 410, "job_pruned")):
        for pair in ((job_id, "one"), ("one", job_id), (job_id, "typical")):
            answer = await http.get("/jobs/diff", a=pair[0], b=pair[1])
            assert (answer.status, answer.body["code"], answer.body["job_id"]) == (status, code, job_id)
