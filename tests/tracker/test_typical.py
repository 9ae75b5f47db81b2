from __future__ import annotations

from typing import Any

import pytest

from tests.builders import NOON, completed, failed, progressed, stage_completed, started
from tests.tracker.recordings import present, recorded
from tracker.events import Event
from tracker.projection import Job, fold
from tracker.typical import NoHistory, is_like, typical


def job(job_id: str, *stages: str, end: Event | None = None, waits: int = 0, **fields: Any) -> Job:
    """A job that completed these stages, each begun and completed in a second, after so many seconds of waiting."""
    events = [started(job_id, **fields)]
    events += [progressed(job_id, stage=stages[0], progress=index) for index in range(waits)]
    for stage in stages:
        events += [progressed(job_id, stage=stage), stage_completed(job_id, stage)]
    return present(fold(recorded(*events, end or completed(job_id), at=NOON)))


def test_a_job_is_like_another_that_succeeded_in_the_same_stages() -> None:
    mine = job("mine", "importing", "exporting")
    assert is_like(mine, job("a", "importing", "exporting"))
    assert is_like(mine, job("a", "exporting", "importing"))
    assert not is_like(mine, mine)
    assert not is_like(mine, job("a", "importing"))
    assert not is_like(mine, job("a", "importing", "exporting", end=failed("a")))
    assert not is_like(mine, job("a", "importing", "exporting", stages=("importing", "exporting")))
    assert not is_like(job("mine", "importing", "importing"), job("a", "importing"))


def test_one_that_failed_halfway_is_like_those_that_went_on() -> None:
    broken = job("broken", "importing", end=failed("broken"))
    assert is_like(broken, job("a", "importing", "exporting"))
    assert not is_like(broken, job("a", "exporting"))


def test_medians_of_the_stages_that_half_of_them_completed() -> None:
    like = [
        job("a", "importing", "exporting"),
        job("b", "importing", "exporting", waits=2),
        job("c", "importing", waits=4),
        job("d", "importing", "quality_check", waits=9),
    ]
    found = typical("mine", like)
    assert found.jobs == 4
    assert found.stages == {("importing", 1): (3 + 5) / 2, ("exporting", 1): 1}
    assert found.seconds == 7  # of 5, 7, 7 and 14


def test_without_history_nothing_is_typical() -> None:
    with pytest.raises(NoHistory) as caught:
        typical("mine", [])
    assert caught.value.fields() == {"job_id": "mine"}
