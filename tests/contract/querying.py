from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import NOON, SECOND, completed, error, failed, progressed, started
from tests.contract.log import EVERY, Log
from tracker.job_query import JobQuery, folded
from tracker.store.base import Reader

HOUR = 3600 * SECOND


def fill(log: Log) -> None:
    """Jobs ``a`` to ``f``, started a second apart; ``a`` and ``d`` are active."""
    names = ("IMG_0042.CR3", "Ärger.jpg", 'a "quoted" %_name', "IMG_0043.cr3", "IMG_0044.CR3", "x")
    for number, (job_id, name) in enumerate(zip("abcdef", names, strict=True)):
        log.append(started(job_id, photo_id=number % 3, photo_info={"file_name": name}), at=NOON + number * SECOND)
    log.append(progressed("a", message="Reading the Camera's settings"), at=NOON + 20 * SECOND)
    log.append(progressed("d", stage="exporting", message="Writing"), at=NOON + 10 * SECOND)
    log.append(completed("b", duration=9.0), at=NOON + 30 * SECOND)
    log.append(error("c", error_type="disk", error_message="No space LEFT"), at=NOON + 31 * SECOND)
    log.append(error("c", error_type='net"', error_message="Reset"), failed("c", duration=3.0), at=NOON + 32 * SECOND)
    log.append(progressed("e", message="Almost"), completed("e", duration=5.0), at=NOON + 40 * SECOND)
    log.append(
        error("f", error_type="net", error_message="Timeout"), completed("f", duration=5.0), at=NOON + 50 * SECOND
    )


async def names(reader: Reader, **query: Any) -> str:
    return "".join(job.job_id for job in await reader.find_jobs(JobQuery(**query), None, EVERY))


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "fedcba"),
    ({"status": "active"}, "da"),
    ({"status": "failed"}, "c"),
    ({"stage": "exporting"}, "d"),
    ({"stage": "completed"}, "feb"),
    ({"stage": "quality_check"}, ""),
    ({"photo_id": "1"}, "eb"),
    ({"photo_id": "9"}, ""),
    ({"since": NOON + 4 * SECOND}, "fe"),
    ({"until": NOON + 4 * SECOND}, "dcba"),
    ({"since": NOON + SECOND, "until": NOON + 3 * SECOND}, "cb"),
    ({"since": NOON + 4 * SECOND, "until": NOON + 4 * SECOND}, ""),
    ({"error_type": "disk"}, "c"),
    ({"error_type": "net"}, "f"),
    ({"error_type": 'net"'}, "c"),
    ({"error_type": "ne"}, ""),
    ({"status": "completed", "error_type": "net", "photo_id": "2"}, "f"),
    ({"job_prefixes": frozenset({"a", "e"})}, "ea"),
]

TEXTS = [
    ("img_004", "eda"),
    ("0043.CR", "d"),
    ("äRGER", "b"),
    ('"quoted"', "c"),
    ("%_n", "c"),
    ("_%n", ""),
    ("space left", "c"),
    ("camera", "a"),
    ("Camera's settings", "a"),
    ("almost", "e"),
    ("timeout", "f"),
    ("reset", "c"),
    ("writing", "d"),
    ("quality", ""),
    ("x", "f"),
    ("cr", "eda"),
    ("4", "eda"),
    ("AND", ""),
    ("*", ""),
]


class Querying:
    """Jobs are found by what they are, in the order asked for, page by page."""

    @pytest.mark.parametrize(("query", "expected"), FILTERS)
    async def test_filters_pass_the_jobs_they_mean(
        self, log: Log, reader: Reader, query: dict[str, Any], expected: str
    ) -> None:
        fill(log)
        assert await names(reader, **query) == expected
        assert await reader.count_jobs(JobQuery(**query)) == len(expected)

    @pytest.mark.parametrize(("text", "expected"), TEXTS)
    async def test_a_text_is_found_in_whatever_case(self, log: Log, reader: Reader, text: str, expected: str) -> None:
        fill(log)
        assert await names(reader, text=folded(text)) == expected
        log.writer.rebuild()
        assert await names(reader, text=folded(text)) == expected

    @pytest.mark.parametrize(("text", "expected"), TEXTS)
    async def test_a_text_passes_in_the_log_what_it_passes_in_memory(
        self, log: Log, reader: Reader, text: str, expected: str
    ) -> None:
        fill(log)
        query = JobQuery(text=folded(text))
        jobs = await reader.find_jobs(JobQuery(), None, EVERY)
        assert "".join(job.job_id for job in jobs if query.matches_state(job)) == expected

    async def test_a_message_that_is_over_is_not_found(self, log: Log, reader: Reader) -> None:
        log.append(started("a"), progressed("a", message="first"), progressed("a", message="second"))
        assert [await names(reader, text=text) for text in ("first", "second")] == ["", "a"]
        log.append(completed("a"))
        assert [await names(reader, text=text) for text in ("first", "second")] == ["", "a"]

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("started", "abcdef"),
            ("-updated", "fecbad"),
            ("updated", "dabcef"),
            ("completed", "bcef"),
            ("-completed", "fecb"),
            ("duration", "cefb"),
            ("-duration", "bfec"),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 5])
    async def test_jobs_are_sorted_and_paged(
        self, log: Log, reader: Reader, sort: Any, expected: str, limit: int
    ) -> None:
        fill(log)
        query = JobQuery(sort=sort)
        found, after = "", None
        while page := await reader.find_jobs(query, after, limit):
            assert len(page) <= limit
            found, after = found + "".join(job.job_id for job in page), query.place(page[-1])
        assert found == expected

    async def test_jobs_that_started_at_once_are_each_on_one_page(self, log: Log, reader: Reader) -> None:
        for job_id in "abcde":
            log.append(started(job_id))
        for sort in ("started", "-started"):
            query = JobQuery(sort=sort)
            first = await reader.find_jobs(query, None, 2)
            rest = await reader.find_jobs(query, query.place(first[-1]), EVERY)
            assert sorted(job.job_id for job in [*first, *rest]) == list("abcde")

    async def test_a_pruned_job_is_found_by_nothing(self, log: Log, reader: Reader) -> None:
        fill(log)
        assert await names(reader, text="img_004") == "eda"
        log.prune(NOON + HOUR)
        assert await names(reader, text="img_004") == "da"
        assert await names(reader) == "da"
        assert [row[0] for row in log.job_texts()] == [1, 4]

    async def test_a_refused_append_leaves_no_text(self, log: Log, reader: Reader) -> None:
        log.append(started("a"))
        before = log.job_texts()
        log.append_list(started("refused"), progressed("nobody"))
        assert log.job_texts() == before
        assert await names(reader, text="refused") == ""

    async def test_the_life_of_a_job_is_read_by_sequence(self, log: Log, reader: Reader) -> None:
        fill(log)
        assert [event.sequence for event in await reader.job_life("c", 0, EVERY)] == [1, 2, 3, 4]
        assert [event.sequence for event in await reader.job_life("c", 1, 2)] == [2, 3]
        assert await reader.job_life("c", 4, EVERY) == []

    async def test_a_position_has_the_time_of_the_last_event_up_to_it(self, log: Log, reader: Reader) -> None:
        assert await reader.recorded_at(0) is None
        log.append(started("a"), started("b"), completed("a"), progressed("b"))
        log.prune(NOON + HOUR)
        times = [await reader.recorded_at(position) for position in range(6)]
        assert times == [None, None, NOON + SECOND, NOON + SECOND, NOON + 3 * SECOND, NOON + 3 * SECOND]

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 33])
    async def test_a_time_is_at_the_last_event_recorded_up_to_it(self, log: Log, reader: Reader, count: int) -> None:
        log.append(*[started(str(number)) for number in range(count)])
        for number in range(count):
            at = NOON + number * SECOND
            assert [await reader.position_at(at + shift) for shift in (-1, 0, 1)] == [number, number + 1, number + 1]
        assert await reader.position_at(NOON + HOUR) == count

    @pytest.mark.parametrize("first", [1, 7, 20])
    async def test_a_clock_that_was_set_back_gives_a_place_where_the_log_passed_the_time(
        self, log: Log, reader: Reader, first: int
    ) -> None:
        log.append(*[started(f"a{number}") for number in range(first)], at=NOON)
        log.append(*[started(f"b{number}") for number in range(20)], at=NOON - 10 * SECOND)
        at = [0, *[row.recorded_at for row in log.rows()], 2**60]
        for time in range(NOON - 12 * SECOND, NOON + 25 * SECOND, SECOND):
            position = await reader.position_at(time)
            assert at[position] <= time < at[position + 1]

    def test_the_newest_event_before_a_time(self, log: Log) -> None:
        assert log.writer.newest_before(NOON) is None
        log.append(started("a"), started("b"), completed("a"), progressed("b"))
        found = [log.writer.newest_before(NOON + seconds * SECOND) for seconds in (-1, 0, 1, 60)]
        assert found == [None, NOON, NOON + SECOND, NOON + 3 * SECOND]
        log.prune(NOON + HOUR)
        found = [log.writer.newest_before(NOON + seconds * SECOND) for seconds in (0, 1, 2, 60)]
        assert found == [None, NOON + SECOND, NOON + SECOND, NOON + 3 * SECOND]

    async def test_as_of_a_position_finds_those_that_had_started_or_have_changed(
        self, log: Log, reader: Reader
    ) -> None:
        log.append(started("a"), started("b"), completed("a"), started("c"), completed("b"))
        query = JobQuery(as_of=3, status="completed")
        # b has changed since: who asked folds it.
        assert [job.job_id for job in await reader.find_jobs(query, None, EVERY)] == ["b", "a"]
        assert await reader.find_jobs(replace(query, as_of=0), None, EVERY) == []
