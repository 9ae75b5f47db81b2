"""The quick fold is the fold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import completed, error, progressed, stage_completed, started
from tests.tracker import recordings
from tests.tracker.test_projection import ANY_EVENT, unchecked
from tracker.events import Event, RecordedEvent
from tracker.projection import Job, apply, fold
from tracker.quick_fold import quick_fold

_TOLD = st.sampled_from(
    [
        progressed(progress=10, message="a"),
        progressed(progress=20, message="b"),
        progressed(progress=100, stage="exporting"),
        stage_completed(),
        error(),
    ]
)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(events=st.lists(_TOLD, max_size=30), ends=st.booleans(), cut=st.integers(0, 32))
def test_it_is_the_fold(events: list[Event], ends: bool, cut: int) -> None:
    rows = recordings.recorded(started(), *events, *([completed()] if ends else []))
    assert quick_fold(rows) == fold(rows)
    assert quick_fold(rows[cut:], quick_fold(rows[:cut])) == fold(rows)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    events=st.lists(ANY_EVENT | _TOLD, max_size=12), sequences=st.lists(st.integers(0, 13), min_size=12, max_size=12)
)
def test_it_is_so_for_rows_that_no_log_would_write(events: list[Event], sequences: list[int]) -> None:
    rows = unchecked(events, sequences)
    assert quick_fold(rows) == fold(rows)


def test_what_is_overwritten_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = recordings.recorded(started(), *[progressed(progress=number / 10) for number in range(1000)], completed())
    applied = []

    def counting(job: Job | None, event: RecordedEvent) -> Job | None:
        applied.append(event.sequence)
        return apply(job, event)

    monkeypatch.setattr("tracker.quick_fold.apply", counting)
    assert quick_fold(rows) == fold(rows)
    assert applied == [1, 2, 1001, 1002]
