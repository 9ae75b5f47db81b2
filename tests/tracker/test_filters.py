from __future__ import annotations

from typing import Any

import pytest

from tests.builders import completed, photo_info, progressed, started
from tests.tracker.recordings import recorded
from tracker.errors import InvalidQuery
from tracker.filters import EVERYTHING, EventFilter, check_channels, check_types

ROWS = recorded(started("a"), started("b"), photo_info("a"), progressed("a"), photo_info("b"), completed("b"))


def of(*channels: str, types: tuple[str, ...] = ()) -> EventFilter:
    return EventFilter(frozenset(channels), frozenset(types))


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        (EVERYTHING, [1, 2, 3, 4, 5, 6]),
        (of("jobs"), [1, 2, 4, 6]),
        (of("photos"), [1, 2, 3, 5]),
        (of("job:a"), [1, 3, 4]),
        (of("job:a", "job:b"), [1, 2, 3, 4, 5, 6]),
        (of("job:b", "photos"), [1, 2, 3, 5, 6]),
        (of("job:nobody"), []),
        (of("system"), []),
        (of(), []),
        (of("jobs", types=("job_progress", "photo_info")), [4]),
        (of("job:b", types=("photo_info",)), [5]),
        (of("photos", types=("job_progress",)), []),
        (of("jobs", "photos", types=("job_started",)), [1, 2]),
    ],
)
def test_a_filter_passes_events_on_its_channels_and_of_its_types(wanted: EventFilter, positions: list[int]) -> None:
    assert [row.position for row in ROWS if wanted.matches(row)] == positions


def test_equal_filters_are_one_key() -> None:
    assert {of("jobs", "photos"): 1}[of("photos", "jobs")] == 1
    assert of("jobs") != of("jobs", types=("job_started",))


def test_the_jobs_followed_by_name_are_known() -> None:
    assert of("job:a", "jobs", "job:b:c").job_ids == {"a", "b:c"}
    assert EVERYTHING.job_ids == frozenset()


def test_the_types_that_shared_channels_carry_are_known() -> None:
    assert of("photos").shared_types == {"job_started", "photo_info"}
    assert "photo_info" not in of("jobs").shared_types
    assert len(EVERYTHING.shared_types) == 7
    assert of("job:a").shared_types == frozenset()


@pytest.mark.parametrize(
    "channels", [[], ["jobs"], ["jobs", "photos", "system", "jobs"], ["job:a", "job:" + "ü" * 200], ["job:x:y"]]
)
def test_channels_are_taken_in_any_order_and_once(channels: list[str]) -> None:
    assert check_channels(channels) == frozenset(channels)


@pytest.mark.parametrize(
    "channels",
    [
        None,
        "jobs",
        {"jobs": 1},
        ["Jobs"],
        ["job"],
        ["job:"],
        ["job:a\n"],
        ["job:" + "a" * 201],
        [5],
        [None],
        [["jobs"]],
    ],
)
def test_what_is_no_channel_is_refused(channels: Any) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check_channels(channels)
    assert refused.value.field == "channels"


def test_1000_channels_are_taken_and_1001_are_not() -> None:
    names = [f"job:{number}" for number in range(1001)]
    assert len(check_channels(names[:1000])) == 1000
    with pytest.raises(InvalidQuery, match="at most 1000"):
        check_channels(names)


@pytest.mark.parametrize("types", [["job"], "job_started", [5], [None], None, {}, [["job_started"]]])
def test_what_is_no_list_of_types_is_refused(types: Any) -> None:
    assert check_types(["job_started", "photo_info"]) == {"job_started", "photo_info"}
    assert check_types([]) == frozenset()
    with pytest.raises(InvalidQuery, match="types"):
        check_types(types)
