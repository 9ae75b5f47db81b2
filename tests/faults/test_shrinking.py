"""R23: nine tenths of a log are pruned: its file shrinks to what is left, and no position is used again."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import figures
from tests.builders import NOON, SECOND, appends, completed, progressed, started
from tests.tracker.doubles import WAIT, recording
from tracker.events import Event
from tracker.recorder import Recorder
from tracker.retention import Retention, RetentionPolicy
from tracker.store import shrinking
from tracker.store.base import Writer
from tracker.store.sqlite import SqliteStore
from tracker.store.writer import SqlWriter

_IS_LONG = "JOBREEL_TORTURE" in os.environ
_JOBS = 10_000 if _IS_LONG else 1_000
_EVENTS = 20  # of each job
_LATER = NOON + 10 * 86_400 * SECOND
_REACH = 1.3


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def recorder(log: Path) -> Iterator[Recorder]:
    store = SqliteStore(log)
    with recording(store.writer) as recorder:
        _fill(recorder)
        yield recorder
    store.close()


def _fill(recorder: Recorder) -> None:
    for first in range(0, _JOBS, _JOBS // 20):
        # By when they end, the first nine tenths are due.
        at = NOON if first < _JOBS * 9 // 10 else _LATER
        recorder.ask(partial(_append, first, at))


def _append(first: int, at: int, writer: Writer) -> None:
    ids = [f"{number * 7919 % _JOBS:04x}-job" for number in range(first, first + _JOBS // 20)]
    writer.append([one for job_id in ids for one in appends(*_whole(job_id), at=at)])


def _whole(job_id: str) -> list[Event]:
    progress = [progressed(job_id, float(step)) for step in range(_EVENTS - 2)]
    return [started(job_id), *progress, completed(job_id)]


def _prune(recorder: Recorder) -> None:
    pruned = Retention(recorder, RetentionPolicy(keep_for_seconds=86_400), 3600).prune_once(_LATER)
    assert pruned.events == _JOBS * 9 // 10 * _EVENTS


def _times_the_live_data(log: Path) -> float:
    live = log.with_name("live.db")
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("VACUUM INTO ?", (str(live),))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return log.stat().st_size / live.stat().st_size


def test_the_file_shrinks_to_what_is_left_while_the_log_stays_open(log: Path, recorder: Recorder) -> None:
    head = recorder.ask(lambda writer: writer.head().position)
    _prune(recorder)
    times = _times_the_live_data(log)
    figures.show("R23: 90 % pruned", f"file {times:.2f} x the live data", f"<= {_REACH} x")
    assert times <= _REACH
    assert recorder.record(started("next")).wait(WAIT) == head + 1


def test_without_giving_back_it_does_not(log: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "give_back", lambda *_: 0)
    _prune(recorder)
    assert _times_the_live_data(log) > 2 * _REACH


def test_its_steps_hold_callers_up_no_longer_than_those_of_pruning(recorder: Recorder) -> None:
    steps: dict[str, list[float]] = {"prune": [], "give_back": []}
    with _timed(steps):
        _prune(recorder)
    assert len(steps["give_back"]) > 3
    longest = {kind: max(taken) * 1000 for kind, taken in steps.items()}
    measured = f"{longest['give_back']:.0f} ms (of pruning {longest['prune']:.0f} ms)"
    figures.show("R23: longest step of giving back", measured, "none of its own")
    assert statistics.median(steps["give_back"]) <= 3 * statistics.median(steps["prune"])


@contextmanager
def _timed(steps: dict[str, list[float]]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for kind, taken in steps.items():
            patch.setattr(SqlWriter, kind, _clocked(getattr(SqlWriter, kind), taken))
        yield


def _clocked(method: Callable[..., Any], taken: list[float]) -> Callable[..., Any]:
    def clocked(*arguments: Any) -> Any:
        begun = time.monotonic()
        result = method(*arguments)
        taken.append(time.monotonic() - begun)
        return result

    return clocked


def test_positions_are_not_used_again_after_everything_was_pruned_and_the_log_opened_anew(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    store = SqliteStore(log)
    store.writer.append(appends(started("a"), completed("a")))
    with recording(store.writer) as recorder:
        Retention(recorder, RetentionPolicy(keep_for_seconds=60), 3600).prune_once(_LATER)
    store.close()
    again = SqliteStore(log)
    assert [row.position for row in again.writer.append(appends(started("b"))).recorded] == [3]
    again.close()


def test_a_file_that_was_not_made_for_it_is_pruned_all_the_same(log: Path) -> None:
    with closing(sqlite3.connect(log)) as connection:
        connection.executescript("PRAGMA auto_vacuum = NONE; CREATE TABLE t (a); DROP TABLE t; VACUUM;")
    store = SqliteStore(log)
    with recording(store.writer) as recorder:
        _fill(recorder)
        _prune(recorder)
    store.close()
    with closing(sqlite3.connect(log)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        assert connection.execute("PRAGMA freelist_count").fetchone() > (0,)
