from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.builders import NOON
from tracker.errors import InvalidQuery
from tracker.job_query import AsOf
from tracker.statistics import HOUR, RELATIVE_ERROR, Key, bucket, durations, open_jobs, seconds
from tracker.statistics_answer import MAX_GROUPS, Tally, answer
from tracker.statistics_query import StatisticsQuery, read_query
from tracker.times import MICROSECONDS

AT = NOON // HOUR


@pytest.mark.parametrize("exponent", range(1, 15))
def test_a_bucket_stands_for_its_durations_within_two_percent(exponent: int) -> None:
    dice = random.Random(exponent)
    for _ in range(2000):
        exact = 10 ** dice.uniform(exponent, exponent + 1)
        told = seconds(bucket(exact)) * MICROSECONDS
        assert abs(told - exact) <= exact * RELATIVE_ERROR * 1.000001


def test_no_time_at_all_is_no_time_at_all() -> None:
    assert [seconds(bucket(microseconds)) for microseconds in (-5, 0, 1)] == [0, 0, 0]


def test_percentiles_are_those_of_the_durations_within_two_percent() -> None:
    dice = random.Random(1)
    exact = sorted(dice.lognormvariate(3, 2) for _ in range(10_000))
    found = durations(Counter(bucket(one * MICROSECONDS) for one in exact))
    assert found is not None
    told = (found.p50, found.p90, found.p99, found.total)
    for one, other in zip(told, (exact[4999], exact[8999], exact[9899], sum(exact)), strict=True):
        assert one == pytest.approx(other, rel=RELATIVE_ERROR)
    assert durations({3: 0}) is None


def test_open_jobs_are_those_that_started_and_did_not_end() -> None:
    assert open_jobs({"job_started": 9, "job_completed": 3, "job_failed": 2, "job_progress": 70}) == 4


def tally(counters: dict[Key, int], hours: int = 2) -> Tally:
    return Tally(Counter(counters), 1, 9, AT, AT + hours)


def test_the_shares_and_rates_of_jobs() -> None:
    body = answer(
        read_query(),
        tally(
            {
                Key("event", 0, "job_started"): 5,
                Key("event", 0, "job_completed"): 3,
                Key("event", 0, "job_failed"): 1,
                Key("job", 0, "completed", 500): 3,
                Key("job", 0, "failed"): 1,
            }
        ),
    )
    jobs = body["jobs"]
    assert (jobs["started"], jobs["completed"], jobs["failed"], jobs["active"]) == (5, 3, 1, 1)
    assert (jobs["failure_share"], jobs["finished_per_hour"]) == (0.25, 2)
    assert jobs["duration"]["p50"] == jobs["duration"]["p99"] == seconds(500)
    assert jobs["duration"]["mean"] == pytest.approx(seconds(500) * 3 / 4)


def test_of_nothing_there_is_no_share_and_no_rate() -> None:
    body = answer(read_query(), tally({}, hours=0))
    assert body["jobs"]["failure_share"] is body["jobs"]["finished_per_hour"] is body["jobs"]["duration"] is None
    assert (body["stages"], body["errors"]) == ([], {"reported": 0, "by_type": []})


def test_the_stage_that_took_the_most_time_comes_first() -> None:
    counters = {Key("stage", 0, "a", 300): 100, Key("stage", 0, "b", 500): 1, Key("stage_error", 0, "c"): 2}
    groups = answer(read_query(group_by="stage"), tally(counters))["groups"]
    assert [group["stage"] for group in groups] == ["b", "a", "c"]
    assert sum(group["time_share"] for group in groups) == pytest.approx(1)
    assert groups[2] == {"stage": "c", "completed": 0, "errors": 2, "time_share": 0, "duration": None}


def test_statuses_and_errors_in_groups() -> None:
    counters = {Key("job", 0, "completed", 5): 3, Key("error", 0, "io"): 1, Key("error", 0, "memory"): 3}
    statuses = answer(read_query(group_by="status"), tally(counters))["groups"]
    assert [(one["status"], one["jobs"], one["share"]) for one in statuses] == [
        ("active", 1, 0.25),
        ("completed", 3, 0.75),
        ("failed", 0, 0),
    ]
    errors = answer(read_query(group_by="error_type"), tally(counters))["groups"]
    assert errors == [
        {"error_type": "memory", "errors": 3, "share": 0.75},
        {"error_type": "io", "errors": 1, "share": 0.25},
    ]


def test_hours_come_newest_first_and_at_most_a_thousand() -> None:
    counters = {Key("event", AT + number, "job_started"): number + 1 for number in range(MAX_GROUPS + 5)}
    body = answer(read_query(group_by="hour"), tally(counters))
    assert (len(body["groups"]), body["left_out"]) == (MAX_GROUPS, 5)
    assert [hour["started"] for hour in body["groups"]][:2] == [MAX_GROUPS + 5, MAX_GROUPS + 4]
    assert body["groups"][0]["hour"] > body["groups"][1]["hour"]


def test_times_are_rounded_to_whole_hours_outwards() -> None:
    query = read_query(since="2025-11-09T12:59:59Z", until="2025-11-09T13:00:00.000001+00:00")
    assert (query.since, query.until) == (AT, AT + 2)
    assert read_query(until="2025-11-09T14:00:00+01:00").until == AT + 1
    assert answer(query, tally({}))["since"] == "2025-11-09T12:00:00.000000Z"


def test_as_of_is_a_position_or_a_time() -> None:
    assert read_query(as_of="17") == StatisticsQuery(as_of=AsOf(position=17))
    assert read_query(as_of="2025-11-09T12:00:00Z") == StatisticsQuery(as_of=AsOf(time=NOON))


BAD = [
    ({"since": "yesterday"}, "since"),
    ({"since": "2025-11-09T12:00:00"}, "since"),
    ({"since": "20251109"}, "since"),
    ({"since": ""}, "since"),
    ({"until": "2025-13-09T12:00:00Z"}, "until"),
    ({"until": "1960-01-01T00:00:00Z"}, "until"),
    ({"until": "9999-12-31T23:59:59Z"}, "until"),
    ({"since": "2025-11-09T12:00:00Z", "until": "2025-11-09T11:00:00Z"}, "since"),
    ({"group_by": "job"}, "group_by"),
    ({"group_by": ""}, "group_by"),
    ({"as_of": "-1"}, "as_of"),
    ({"as_of": "9" * 17}, "as_of"),
    ({"as_of": "now"}, "as_of"),
    ({"as_of": "²"}, "as_of"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
def test_what_makes_no_sense_is_refused_by_its_name(given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        read_query(**given)
    assert refused.value.field == field
