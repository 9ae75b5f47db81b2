from __future__ import annotations

import pytest

from tests.builders import NOON, SECOND, completed, failed, photo_info, progressed, started
from tests.contract.log import EVERY, Log
from tracker.errors import JobNotFound, JobPruned
from tracker.filters import EVERYTHING, EventFilter
from tracker.store.base import Reader


def of(*channels: str, types: tuple[str, ...] = ()) -> EventFilter:
    return EventFilter(frozenset(channels), frozenset(types))


FILTERS = [
    EVERYTHING,
    of("jobs"),
    of("photos"),
    of("job:a"),
    of("job:a", "job:b"),
    of("job:b", "photos"),
    of("job:nobody"),
    of("system"),
    of(),
    of("jobs", types=("job_progress", "photo_info")),
    of("jobs", "photos", types=("job_started",)),
    of("job:b", types=("photo_info",)),
    of("job:a", "jobs", types=("photo_info", "job_completed")),
]


def fill(log: Log) -> None:
    log.append(started("a"), started("b"), photo_info("a"), progressed("a"), photo_info("b"), completed("b"))


class Reading:
    """Both faces see what is committed, in order, and filters mean in the log what they mean on a stream."""

    @pytest.mark.parametrize("wanted", FILTERS)
    async def test_a_filter_passes_in_the_log_what_it_passes_in_memory(
        self, log: Log, reader: Reader, wanted: EventFilter
    ) -> None:
        fill(log)
        for after in range(7):
            for limit in (1, 2, EVERY):
                passing = [row for row in log.rows() if row.position > after and wanted.matches(row)]
                assert await reader.read(after, limit, wanted) == passing[:limit]

    async def test_a_page_of_the_writer_is_in_order_after_and_up_to(self, log: Log) -> None:
        fill(log)
        assert [row.position for row in log.writer.read(2, 3)] == [3, 4, 5]
        assert log.writer.read(6, 10) == []

    async def test_the_events_of_a_job_are_read_by_position(self, log: Log, reader: Reader) -> None:
        fill(log)
        assert [row.position for row in await reader.job_events("a", 0, EVERY)] == [1, 3, 4]
        assert [row.position for row in await reader.job_events("a", 1, 1)] == [3]
        assert [row.position for row in await reader.job_events("a", 4, EVERY)] == []
        assert await reader.job_events("nobody", 0, EVERY) == []

    async def test_the_steps_of_a_job_are_read_by_sequence(self, log: Log, reader: Reader) -> None:
        fill(log)
        rows = [row for row in log.rows() if row.job_id == "a"]
        steps = [(row.position, row.sequence, row.type, row.recorded_at, row.payload) for row in rows]
        assert [tuple(step) for step in await reader.job_steps("a", 0, EVERY, EVERY)] == steps
        assert [tuple(step) for step in await reader.job_steps("a", 1, 2, EVERY)] == steps[1:2]
        assert [tuple(step) for step in await reader.job_steps("a", 1, EVERY, 1)] == steps[1:2]
        assert list(await reader.job_steps("a", 3, EVERY, EVERY)) == []
        assert list(await reader.job_steps("nobody", 0, EVERY, EVERY)) == []

    async def test_steps_that_repeat_a_stage_are_left_out(self, log: Log, reader: Reader) -> None:
        log.append(started(), *[progressed() for _ in range(6)], photo_info(), progressed(stage="exporting"))

        async def sequences(stage: str, every: int) -> list[int]:
            like = [progressed(stage=stage, photo_id=photo_id).payload for photo_id in (456, 7)]  # the log's, another
            found = [await reader.job_steps("job", 0, EVERY, EVERY, one, every) for one in like]
            assert list(found[0]) == list(found[1])
            return [step[1] for step in found[0]]

        assert await sequences("exif_analysis", 3) == [1, 3, 6, 8, 9]
        assert await sequences("exif_analysis", 100) == [1, 8, 9]
        assert await sequences("exporting", 100) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert await sequences("exif_analysis", 1) == list(range(1, 10))

    async def test_a_reader_sees_a_commit_at_once_and_both_ends_of_the_log(self, log: Log, reader: Reader) -> None:
        assert await reader.head() == log.head()
        fill(log)
        assert await reader.head() == log.head()
        assert (await reader.head()).position == 6
        log.prune(NOON + 3600 * SECOND)
        assert await reader.head() == log.head()
        assert (await reader.head()).horizon == 6

    async def test_both_faces_load_the_same_jobs(self, log: Log, reader: Reader) -> None:
        fill(log)
        for job_id in ("a", "b"):
            assert await reader.load_job(job_id) == log.writer.load_job(job_id)
        assert await reader.active_jobs() == log.writer.active_jobs() == [log.writer.load_job("a")]

    async def test_both_faces_tell_an_unknown_job_from_a_pruned_one(self, log: Log, reader: Reader) -> None:
        fill(log)
        log.prune(NOON + 3600 * SECOND)
        for refusal, job_id in ((JobNotFound, "nobody"), (JobPruned, "b")):
            with pytest.raises(refusal):
                await reader.load_job(job_id)
            with pytest.raises(refusal):
                log.writer.load_job(job_id)

    @pytest.mark.parametrize("job_id", ["a\0", "\ud800", "x" * 5000, ""])
    async def test_what_no_job_can_be_called_is_an_unknown_job(self, log: Log, reader: Reader, job_id: str) -> None:
        fill(log)
        with pytest.raises(JobNotFound):
            await reader.load_job(job_id)
        with pytest.raises(JobNotFound):
            log.writer.load_job(job_id)

    async def test_active_jobs_are_in_the_order_they_started(self, log: Log, reader: Reader) -> None:
        log.append(*[started(name) for name in "cab"], progressed("c"), completed("a"), started("d"))
        assert [job.job_id for job in await reader.active_jobs()] == ["c", "b", "d"]
        assert [job.job_id for job in log.writer.active_jobs()] == ["c", "b", "d"]

    async def test_jobs_are_listed_newest_first_in_pages(self, log: Log, reader: Reader) -> None:
        log.append(*[started(name) for name in "abcde"], completed("b"), failed("d"), completed("e"))
        assert [job.job_id for job in await reader.list_jobs(None, None, EVERY)] == list("edcba")
        first = await reader.list_jobs(None, None, 2)
        rest = await reader.list_jobs(None, first[-1].started_position, EVERY)
        assert [job.job_id for job in [*first, *rest]] == list("edcba")
        assert await reader.list_jobs(None, 1, EVERY) == []

    @pytest.mark.parametrize(("status", "names"), [("active", "ca"), ("completed", "eb"), ("failed", "d")])
    async def test_jobs_are_listed_by_status(self, log: Log, reader: Reader, status: str, names: str) -> None:
        log.append(*[started(name) for name in "abcde"], completed("b"), failed("d"), completed("e"))
        found = await reader.list_jobs(status, None, EVERY)  # type: ignore[arg-type]  # one of the three
        assert [job.job_id for job in found] == list(names)
        assert [job.job_id for job in await reader.list_jobs(status, 4, EVERY)] == [  # type: ignore[arg-type]
            name for name in names if name < "d"
        ]

    async def test_jobs_that_are_due_are_listed_the_longest_finished_first(self, log: Log, reader: Reader) -> None:
        log.append(started("a"), started("b"), started("c"), completed("b"), completed("a"))
        assert [job.job_id for job in await reader.prunable_jobs(NOON + 60 * SECOND, EVERY)] == ["b", "a"]
        assert [job.job_id for job in await reader.prunable_jobs(NOON + 60 * SECOND, 1)] == ["b"]
        assert [job.job_id for job in await reader.prunable_jobs(NOON + 4 * SECOND, EVERY)] == ["b"]
        assert len(log.positions()) == 5
