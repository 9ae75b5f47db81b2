from __future__ import annotations

import json

import pytest

from tests.builders import (
    NOON,
    SECOND,
    appends,
    completed,
    error,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tests.contract.log import Log, positions
from tracker.errors import InvalidEvent, JobFinished, JobNotFound, TrackerError
from tracker.events import Event
from tracker.store.base import Append


class AppendRules:
    """Positions, sequences, and that a refusal leaves no trace."""

    def test_positions_are_dense_from_1_and_sequences_dense_in_each_job(self, log: Log) -> None:
        log.append(started("a"), started("b"), progressed("a"))
        log.append(progressed("b"), progressed("b"), completed("a"))
        rows = log.rows()
        assert [(row.position, row.job_id, row.sequence) for row in rows] == [
            (1, "a", 1),
            (2, "b", 1),
            (3, "a", 2),
            (4, "b", 2),
            (5, "b", 3),
            (6, "a", 3),
        ]
        assert log.head().position == 6

    def test_a_commit_tells_the_new_rows_as_they_lie_in_the_log(self, log: Log) -> None:
        first = log.append(started("a"), progressed("a"))
        second = log.append(progressed("a"))
        assert [*first.recorded, *second.recorded] == log.rows()
        assert first.outcomes == [(first.recorded[0],), (first.recorded[1],)]

    def test_positions_go_on_after_reopening(self, log: Log) -> None:
        log.append(started("a"))
        log.reopen()
        assert positions(log.append(progressed("a")).outcomes[0]) == [2]

    def test_the_time_is_that_of_acceptance(self, log: Log) -> None:
        log.append(started("a"), progressed("a"), at=NOON)
        assert [row.recorded_at for row in log.rows()] == [NOON, NOON + SECOND]

    def test_every_kind_of_event_comes_back_as_it_was_recorded(self, log: Log) -> None:
        kinds = [started("a"), progressed("a"), stage_completed("a"), photo_info("a"), error("a"), completed("a")]
        committed = log.append(*kinds, started("b"), failed("b"))
        assert log.rows() == committed.recorded
        log.reopen()
        assert log.rows() == committed.recorded

    @pytest.mark.parametrize("text", ["ü東😀", '"\\', "\x01\x1f", "'; DROP TABLE events; --", "{}", "%s ? :a"])
    def test_any_text_comes_back_as_it_was(self, log: Log, text: str) -> None:
        name = "".join(character for character in text if character.isprintable()) or "a"
        log.append(started(name, event_id=name, photo_info={text: text}))
        log.reopen()
        (row,) = log.rows()
        assert (row.job_id, row.event_id) == (name, name)
        assert json.loads(row.payload)["photo_info"] == {text: text}
        assert log.writer.load_job(name).photo_info == {text: text}

    @pytest.mark.parametrize(
        ("event", "refusal"),
        [
            (progressed("nobody"), JobNotFound),
            (progressed("done"), JobFinished),
            (completed("done"), JobFinished),
            (progressed("a", stage="scan"), InvalidEvent),
            (started("own", photo_id=7), TrackerError),
        ],
    )
    def test_a_refused_event_leaves_no_trace(self, log: Log, event: Event, refusal: type[TrackerError]) -> None:
        log.append(started("a"), started("done"), completed("done"), started("own", stages=("scan",)))
        before = (log.rows(), log.job_rows(), log.head())
        committed = log.append(event)
        assert committed.recorded == []
        assert isinstance(committed.outcomes[0], refusal)
        assert (log.rows(), log.job_rows(), log.head()) == before

    def test_a_refusal_among_others_costs_them_nothing(self, log: Log) -> None:
        committed = log.append(started("a"), progressed("nobody"), progressed("a"), started("a"), completed("a"))
        assert [isinstance(outcome, TrackerError) for outcome in committed.outcomes] == [
            False,
            True,
            False,
            False,
            False,
        ]
        assert log.positions() == [1, 2, 3]
        assert [row.sequence for row in log.rows()] == [1, 2, 3]

    def test_a_list_is_recorded_whole(self, log: Log) -> None:
        assert positions(log.append_list(started("a"), progressed("a"), completed("a"))) == [1, 2, 3]

    def test_a_list_with_one_refusal_is_not_recorded_at_all(self, log: Log) -> None:
        log.append(started("a"))
        before = (log.rows(), log.job_rows(), log.head())
        refusal = log.append_list(progressed("a"), started("new"), progressed("nobody"), progressed("a"))
        assert isinstance(refusal, JobNotFound)
        assert refusal.index == 2
        assert (log.rows(), log.job_rows(), log.head()) == before

    def test_a_refused_list_leaves_its_neighbours_in_the_transaction_alone(self, log: Log) -> None:
        committed = log.writer.append(
            [
                *appends(started("a")),
                Append((started("b", event_id="e1"), progressed("a"), progressed("nobody")), NOON),
                Append((started("b", photo_id=7), progressed("a", event_id="e1")), NOON),
            ]
        )
        assert positions(committed.outcomes[0]) == [1]
        assert isinstance(committed.outcomes[1], JobNotFound)
        assert positions(committed.outcomes[2]) == [2, 3]
        assert [(row.job_id, row.sequence, row.event_id) for row in log.rows()] == [
            ("a", 1, None),
            ("b", 1, None),
            ("a", 2, "e1"),
        ]

    @pytest.mark.parametrize("count", [1, 9, 10, 11, 49, 50, 51, 249, 250, 251, 999])
    def test_any_number_of_events_is_recorded_in_order(self, log: Log, count: int) -> None:
        events = [started(str(number)) for number in range(count)]
        assert len(log.append(*events).recorded) == count
        rows = log.rows()
        assert [(row.position, row.job_id) for row in rows] == [(n + 1, str(n)) for n in range(count)]
        assert len(log.job_rows()) == count

    def test_a_transaction_without_events_changes_nothing(self, log: Log) -> None:
        assert log.writer.append([]).outcomes == []
        assert log.head().position == 0

    def test_the_job_is_the_fold_of_its_events_before_and_after_reopening(self, log: Log) -> None:
        log.append(started("a"), progressed("a", 40, message="half"), error("a"), stage_completed("a"))
        job = log.writer.load_job("a")
        assert (job.progress, job.message, job.sequence, job.position) == (40, "half", 4, 4)
        log.reopen()
        assert log.writer.load_job("a") == job
        log.append(completed("a"), at=NOON + 9 * SECOND)
        assert log.writer.load_job("a").duration == 9.0

    def test_an_unknown_job_is_not_found(self, log: Log) -> None:
        with pytest.raises(JobNotFound):
            log.writer.load_job("nobody")

    def test_another_epoch_is_the_same_log_otherwise(self, log: Log) -> None:
        log.append(started("a"), progressed("a"))
        before = log.head()
        begun = log.writer.begin_epoch()
        assert begun == log.head()
        assert (begun.position, begun.horizon) == (before.position, before.horizon)
        assert begun.epoch != before.epoch
        assert log.writer.begin_epoch(instead_of=before.epoch) == begun
        assert log.writer.begin_epoch(instead_of=begun.epoch).epoch not in (before.epoch, begun.epoch)
        log.append(completed("a"))
        assert log.head().position == 3

    def test_the_epoch_names_the_log_and_stays(self, log: Log) -> None:
        epoch = log.head().epoch
        log.append(started("a"))
        log.reopen()
        assert log.head().epoch == epoch != ""
