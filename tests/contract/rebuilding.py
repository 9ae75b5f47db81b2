from __future__ import annotations

import pytest

from tests.builders import (
    NOON,
    SECOND,
    completed,
    error,
    event,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tests.contract.log import Log
from tracker import projection
from tracker.events import JobStarted
from tracker.store import rebuilding, schema


def fill(log: Log) -> None:
    """Jobs of every kind, with everything that a job can hold."""
    log.append(
        started("a", photo_info={"file_name": "a.CR3", "n": 1, "x": 1.5, "deep": [{"ü": None}]}),
        event("no photo", JobStarted()),
        started("own", photo_id="IMG", stages=("scan", "print")),
        progressed("a", 12.5, message="ü", details={"a": 1}),
        stage_completed("a", result={"iso": 800}),
        error("a", stage="exporting", error_details={"field": "x"}),
        photo_info("a", photo_data={"b": [1]}),
        progressed("own", 100, stage="print"),
        completed("a", result={"ok": True}),
        failed("own", result={"error": "gone"}, duration=1.25),
    )
    log.append(*[error("no photo", error_message=str(number)) for number in range(105)], at=NOON + SECOND)


class Rebuilding:
    """The projection is the log folded, and can be made anew from it at any time."""

    def test_jobs_that_were_lost_come_back_as_they_were(self, log: Log) -> None:
        fill(log)
        before = log.job_rows()
        log.execute("DELETE FROM jobs")
        assert log.job_rows() == []
        assert log.writer.rebuild() == 3
        assert log.job_rows() == before

    def test_each_commit_leaves_what_a_rebuild_makes(self, log: Log) -> None:
        said = [
            started("a"),
            progressed("a", stage="importing"),
            progressed("a", 30, stage="importing", message="Half"),
            error("a"),
            progressed("a", 40, stage="importing"),
            progressed("a", 50, stage="exif_analysis"),
            stage_completed("a", stage="exif_analysis"),
            progressed("a", 60, stage="exif_analysis"),
            completed("a"),
        ]
        for second, one in enumerate(said):
            log.append(one, at=NOON + second * SECOND)
            left = log.job_rows()
            log.execute("DELETE FROM jobs")
            log.writer.rebuild()
            assert log.job_rows() == left, one

    def test_rows_that_were_spoiled_are_replaced_and_strangers_removed(self, log: Log) -> None:
        fill(log)
        before, texts = log.job_rows(), log.job_texts()
        log.execute("UPDATE jobs SET status = 'active', position = 1, completed_at = NULL")
        log.execute("UPDATE job_texts SET text = 'spoiled'")
        columns = "position, stage, photo_id, started_at, updated_at, completed_at, duration, error_types, message"
        log.execute(f"INSERT INTO jobs SELECT 'stranger', status, 99, {columns}, state FROM jobs WHERE job_id = 'a'")
        log.execute("INSERT INTO job_texts (rowid, text) VALUES (99, 'stranger')")
        assert log.job_texts() != texts
        log.writer.rebuild()
        assert (log.job_rows(), log.job_texts()) == (before, texts)

    def test_pruned_jobs_do_not_come_back(self, log: Log) -> None:
        fill(log)
        log.writer.prune(2**53, NOON, 2)  # buried, and not yet emptied
        before = log.job_rows()
        assert len(log.rows()) > 105
        assert log.writer.rebuild() == 1
        assert log.job_rows() == before

    def test_an_empty_log_is_rebuilt(self, log: Log) -> None:
        assert log.writer.rebuild() == 0

    def test_many_jobs_are_rebuilt(self, log: Log) -> None:
        log.append(*[started(str(number)) for number in range(1100)])
        before = log.job_rows()
        log.execute("DELETE FROM jobs")
        assert log.writer.rebuild() == 1100
        assert log.job_rows() == before

    def test_events_go_on_after_a_rebuild(self, log: Log) -> None:
        log.append(started("a"), progressed("a"))
        log.writer.rebuild()
        log.append(progressed("a", 60))
        job = log.writer.load_job("a")
        assert (job.sequence, job.position, job.progress) == (3, 3, 60)

    def test_a_log_projected_by_another_version_is_rebuilt_when_it_is_opened(self, log: Log) -> None:
        fill(log)
        before = log.job_rows()
        log.execute("DELETE FROM jobs")
        log.reopen()
        assert log.job_rows() == []  # the version is the same: nothing is done
        log.execute("UPDATE log_head SET projection_version = projection_version - 1")
        log.reopen()
        assert log.job_rows() == before
        assert log.execute("SELECT projection_version FROM log_head") == [(projection.PROJECTION_VERSION,)]

    def test_a_new_version_of_the_projection_rebuilds_each_log_once(
        self, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(log)
        for module in (schema, rebuilding):
            monkeypatch.setattr(module, "PROJECTION_VERSION", projection.PROJECTION_VERSION + 1)
        log.execute("DELETE FROM jobs")
        log.reopen()
        assert len(log.job_rows()) == 3
        log.execute("DELETE FROM jobs")
        log.reopen()
        assert log.job_rows() == []
