from __future__ import annotations

import pytest

from tests.builders import completed, failed, progressed, started
from tests.contract.log import Log, positions
from tracker.errors import DuplicateEvent, JobExists, JobFinished
from tracker.events import Event


class Idempotency:
    """The same call again records nothing and returns the first position."""

    @pytest.mark.parametrize("reopened", [False, True])
    def test_a_start_with_the_same_content_is_a_no_op(self, log: Log, reopened: bool) -> None:
        log.append(started("a", photo_info={"x": 1, "y": [2]}), progressed("a"))
        if reopened:
            log.reopen()
        committed = log.append(started("a", photo_info={"y": [2], "x": 1.0}))
        assert positions(committed.outcomes[0]) == [1]
        assert committed.recorded == []
        assert log.positions() == [1, 2]

    @pytest.mark.parametrize("reopened", [False, True])
    @pytest.mark.parametrize("again", [started("a", photo_id=7), started("a", stages=("scan",))])
    def test_a_start_with_other_content_is_refused(self, log: Log, reopened: bool, again: Event) -> None:
        log.append(started("a"))
        if reopened:
            log.reopen()
        assert isinstance(log.append(again).outcomes[0], JobExists)
        assert log.positions() == [1]

    def test_a_start_is_a_no_op_also_when_the_job_has_ended(self, log: Log) -> None:
        log.append(started("a"), completed("a"))
        assert positions(log.append(started("a")).outcomes[0]) == [1]
        assert isinstance(log.append(started("a", photo_id=7)).outcomes[0], JobExists)

    @pytest.mark.parametrize("reopened", [False, True])
    def test_an_event_id_makes_a_call_repeatable(self, log: Log, reopened: bool) -> None:
        log.append(started("a"), progressed("a", 40, event_id="e1"), progressed("a", 60))
        if reopened:
            log.reopen()
        committed = log.append(progressed("a", 40, event_id="e1"))
        assert positions(committed.outcomes[0]) == [2]
        assert committed.recorded == []
        assert log.writer.load_job("a").progress == 60

    @pytest.mark.parametrize(
        "again",
        [progressed("a", 41, event_id="e1"), progressed("b", 40, event_id="e1"), completed("a", event_id="e1")],
    )
    def test_an_event_id_with_other_content_is_refused(self, log: Log, again: Event) -> None:
        log.append(started("a"), started("b"), progressed("a", 40, event_id="e1"))
        refusal = log.append(again).outcomes[0]
        assert isinstance(refusal, DuplicateEvent)
        assert refusal.event_id == "e1"
        assert log.positions() == [1, 2, 3]

    def test_the_repetition_of_the_end_returns_the_end(self, log: Log) -> None:
        log.append(started("a"), completed("a", event_id="end", result={"a": 1}))
        assert positions(log.append(completed("a", event_id="end", result={"a": 1})).outcomes[0]) == [2]
        assert isinstance(log.append(completed("a")).outcomes[0], JobFinished)
        assert isinstance(log.append(failed("a")).outcomes[0], JobFinished)

    def test_repetitions_within_one_transaction_are_seen(self, log: Log) -> None:
        committed = log.append(
            started("a", event_id="s"),
            started("a"),
            progressed("a", event_id="e1"),
            progressed("a", event_id="e1"),
            progressed("a", 99, event_id="e1"),
            started("a", photo_id=7),
        )
        assert [positions(outcome) for outcome in committed.outcomes[:4]] == [[1], [1], [2], [2]]
        assert isinstance(committed.outcomes[4], DuplicateEvent)
        assert isinstance(committed.outcomes[5], JobExists)
        assert log.positions() == [1, 2]

    def test_a_list_may_be_sent_again_and_with_more(self, log: Log) -> None:
        events = [started("a", event_id="s"), progressed("a", event_id="p")]
        assert positions(log.append_list(*events)) == [1, 2]
        assert positions(log.append_list(*events)) == [1, 2]
        assert positions(log.append_list(*events, completed("a", event_id="c"))) == [1, 2, 3]
        assert log.positions() == [1, 2, 3]

    def test_an_event_id_of_a_refused_event_is_still_free(self, log: Log) -> None:
        assert isinstance(log.append_list(started("a", event_id="e1"), progressed("nobody")), Exception)
        log.append(progressed("nobody", event_id="e2"), started("b"))
        assert positions(log.append(started("c", event_id="e1")).outcomes[0]) == [2]
        assert positions(log.append(progressed("b", event_id="e2")).outcomes[0]) == [3]

    def test_many_event_ids_are_looked_up(self, log: Log) -> None:
        events = [started(str(number), event_id=f"e{number}") for number in range(750)]
        first = log.append(*events)
        log.reopen()
        assert log.append(*events).outcomes == first.outcomes
        assert log.head().position == 750
