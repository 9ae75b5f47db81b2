from __future__ import annotations

import pytest
from msgspec.structs import replace

from tracker.errors import InvalidQuery
from tracker.job_cursor import read_cursor, write_cursor
from tracker.job_query import SEARCHED_CHARACTERS, AsOf, JobQuery, Place, read_as_of, read_query, searched
from tracker.projection import Job, JobError

PLACE = Place(1_762_689_600_000_000, 7)
JOB = Job(
    job_id="Job",
    photo_id=1,
    photo_info={"file_name": "A.CR3"},
    stages=(),
    status="active",
    current_stage="importing",
    progress=0.0,
    message="Now",
    started_at=0,
    updated_at=0,
    started_position=1,
    position=1,
    sequence=1,
)


def test_a_cursor_gives_its_place_back() -> None:
    for place in (PLACE, Place(5.25, 2), Place(0, 0)):
        query, as_of = JobQuery(status="active"), AsOf(time=5)
        assert read_cursor(query, as_of, write_cursor(query, as_of, place)) == place
    assert read_cursor(JobQuery(), None, None) is None


@pytest.mark.parametrize(
    ("query", "as_of"),
    [(JobQuery(status="failed"), None), (JobQuery(sort="started"), None), (JobQuery(), AsOf(position=3))],
)
def test_a_cursor_of_another_query_is_refused(query: JobQuery, as_of: AsOf | None) -> None:
    with pytest.raises(InvalidQuery, match="is of another query"):
        read_cursor(query, as_of, write_cursor(JobQuery(), None, PLACE))


def test_a_cursor_is_not_of_the_token_that_asked() -> None:
    limited = JobQuery(job_prefixes=frozenset({"a"}))
    assert read_cursor(JobQuery(), None, write_cursor(limited, None, PLACE)) == PLACE


@pytest.mark.parametrize(
    "text", ["", "5", "x" * 300, "é", "bnVsbA", "WyJhIiwxZTMwMCwxXQ", "WyJhIiwxLC0xXQ", "=", "%%%"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="is not one that this server gave"):
        read_cursor(JobQuery(), None, text)


def test_times_are_read_with_their_zone() -> None:
    query = read_query(since="2025-11-09T12:00:00Z", until="2025-11-09T14:00:01+02:00")
    assert (query.since, query.until) == (1_762_689_600_000_000, 1_762_689_601_000_000)
    assert read_as_of("12") == AsOf(position=12)
    assert read_as_of("2025-11-09T12:00:00.5Z") == AsOf(time=1_762_689_600_500_000)
    assert read_as_of(None) is None


def test_what_is_searched_is_folded_bounded_and_has_the_message_at_the_end_only() -> None:
    assert searched(JOB) == "job\na.cr3"
    ended = replace(JOB, status="completed", completed_at=1, message="Two\nLines")
    assert searched(ended) == "job\na.cr3\ntwo lines"
    errors = tuple(JobError(f"type{number}", "x" * 5000, {}, None, 0) for number in range(100))
    text = searched(replace(JOB, errors=errors))
    assert len(text) == SEARCHED_CHARACTERS
    assert text.split("\n")[2] == "type99"
