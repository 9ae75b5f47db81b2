"""R11: the public API, called in any order, against a model of the rules; on both databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from api.cli.reading import ask_log
from tests import figures
from tests.conftest import EMPTY_POSTGRES
from tests.faults.model import Answer, Model
from tests.tracker.doubles import WAIT
from tracker import admission, known_jobs
from tracker.errors import TrackerError
from tracker.filters import EVERYTHING
from tracker.progress_reporter import ProgressReporter
from tracker.receipt import Receipt

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_EXAMPLES = 300 if _LONG else 10
_STEPS = 40
_JOBS = st.sampled_from(["a", "b", "c"])
_STAGES = st.sampled_from(["importing", "exif_analysis", "one", "two", "completed"])
_IDS = st.one_of(st.none(), st.none(), st.sampled_from(["id-1", "id-2"]))


class Comparison(RuleBasedStateMachine):
    """A reporter and the model, told the same. ``fresh`` makes an empty log and returns its URL."""

    fresh: Callable[[], str]
    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self._url = type(self).fresh()
        self._model = Model()
        self._reporter = ProgressReporter(database_url=self._url)

    def teardown(self) -> None:
        self._reporter.close()

    def _same(self, call: Callable[[], Receipt], expected: Answer) -> None:
        type(self).calls += 1
        answered: Answer
        try:
            answered = call().wait(WAIT)
        except TrackerError as error:
            answered = type(error)
        assert answered == expected

    @rule(job=_JOBS, photo_id=st.sampled_from([1, 2]), stages=st.sampled_from([(), (), ("one", "two")]))
    def start(self, job: str, photo_id: int, stages: tuple[str, ...]) -> None:
        expected = self._model.start(job, photo_id, stages)
        self._same(lambda: self._reporter.start_job(job, photo_id, stages=stages or None), expected)

    @rule(
        job=_JOBS, stage=_STAGES, progress=st.sampled_from([0.0, 33.5, 100.0]), message=st.text(max_size=3), name=_IDS
    )
    def report(self, job: str, stage: str, progress: float, message: str, name: str | None) -> None:
        message = message.replace("\0", "")
        expected = self._model.report(job, stage, progress, message, name)
        self._same(lambda: self._reporter.update_progress(job, stage, progress, message, event_id=name), expected)

    @rule(job=_JOBS)
    def report_error(self, job: str) -> None:
        expected = self._model.report_error(job)
        self._same(lambda: self._reporter.report_error(job, "io", "lost"), expected)

    @rule(job=_JOBS, success=st.booleans())
    def end(self, job: str, success: bool) -> None:
        expected = self._model.end(job, success)
        self._same(lambda: self._reporter.complete_job(job, success), expected)

    @rule()
    def prune(self) -> None:
        while not self._reporter.tracker.recorder.ask(lambda log: log.prune(2**53, 2**53, 3)).done:
            pass
        self._reporter.close()  # what a reporter knows of its own jobs is older than a prune by hand
        self._reporter = ProgressReporter(database_url=self._url)
        self._model.prune()

    @rule()
    def rebuild(self) -> None:
        assert self._reporter.tracker.recorder.ask(lambda log: log.rebuild()) == len(self._model.jobs)

    @rule()
    def restart(self) -> None:
        self._reporter.close()
        self._reporter = ProgressReporter(database_url=self._url)

    @rule(after=st.integers(0, 20))
    def read(self, after: int) -> None:
        self._reporter.flush(WAIT)
        events = ask_log(self._url, lambda log: log.read(after, 1000, EVERYTHING))
        expected = {at: event for at, event in self._model.events.items() if at > after}
        assert {event.position: (event.job_id, event.type) for event in events} == expected

    @invariant()
    def jobs_are_the_same(self) -> None:
        active = self._reporter.get_active_jobs()
        assert list(active) == [name for name, job in self._model.jobs.items() if job.status == "active"]
        for name, job in self._model.jobs.items():
            status: Any = self._reporter.get_job_status(name)
            seen = (status["status"], status["current_stage"], status["progress"], len(status["errors"]))
            assert seen == (job.status, job.stage, job.progress, job.errors)
            assert job.status != "active" or status["message"] == job.message


def _compare(fresh: Callable[[], str], examples: int) -> int:
    """Returns how many calls were compared."""
    machine: Any = type("Comparison", (Comparison,), {"fresh": staticmethod(fresh), "calls": 0})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=_STEPS,
            derandomize=not _LONG,
            database=None,
            phases=[Phase.generate, Phase.shrink] if _LONG else [Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return int(machine.calls)


@pytest.fixture
def sqlite_logs(tmp_path: Path, empty_log: bytes) -> Callable[[], str]:
    def fresh() -> str:
        path = tmp_path / f"{uuid.uuid4().hex}.db"
        path.write_bytes(empty_log)
        return f"sqlite:///{path}"

    return fresh


@pytest.fixture
def postgres_logs(emptied_postgres_url: str) -> Callable[[], str]:
    def fresh() -> str:
        with psycopg.connect(emptied_postgres_url) as connection:
            connection.execute(EMPTY_POSTGRES, prepare=False)
        return emptied_postgres_url

    return fresh


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("logs", ["sqlite_logs", "postgres_logs"])
def test_the_tracker_answers_as_the_model_does(request: pytest.FixtureRequest, logs: str) -> None:
    calls = _compare(request.getfixturevalue(logs), _EXAMPLES)
    figures.show(
        f"R11: a model of the rules, {logs.partition('_')[0]}", f"{calls} calls, 0 divergences", "0 divergences"
    )
    assert calls > 10 * _EXAMPLES


def test_control_a_tracker_that_takes_any_stage_diverges(
    sqlite_logs: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (admission, known_jobs):
        monkeypatch.setattr(module, "check_stage", lambda *_: None)
    with pytest.raises(AssertionError):
        _compare(sqlite_logs, _EXAMPLES)
