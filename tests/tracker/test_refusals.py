from __future__ import annotations

import logging

import pytest

from tests.builders import started
from tracker import refusals
from tracker.errors import JobFinished
from tracker.refusals import RefusalLog


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(refusals, "time", clock)
    return clock


def refuse(log: RefusalLog, times: int) -> None:
    for number in range(times):
        log.refused(started(f"job-{number}"), JobFinished("job"))


def test_a_refusal_names_the_event_its_job_and_the_reason(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    refuse(RefusalLog(), 1)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "tracker"
    assert record.getMessage().startswith("job_started of job 'job-0' was not recorded: Job 'job' has finished")


@pytest.mark.parametrize(("times", "lines"), [(19, 19), (20, 20), (21, 20), (500, 20)])
def test_at_most_20_lines_are_logged_a_second(
    times: int, lines: int, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(RefusalLog(), times)
    assert len(caplog.records) == lines


def test_the_rest_is_counted_when_the_next_second_has_a_refusal(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    refuse(log, 25)
    clock.seconds += 1
    caplog.clear()
    refuse(log, 1)
    assert caplog.records[0].getMessage() == "5 more events were not recorded"
    assert len(caplog.records) == 2
    clock.seconds += 1
    refuse(log, 1)
    assert len(caplog.records) == 3
