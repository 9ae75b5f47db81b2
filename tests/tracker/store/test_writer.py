"""The writer when a transaction fails: before it took effect, and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.builders import appends, completed, progressed, started
from tests.tracker.doubles import WAIT, recording
from tracker.errors import DuplicateEvent, JobNotFound, StoreError, StoreUnavailable
from tracker.events import Event
from tracker.store.sqlite import SqliteStore, writing_engine
from tracker.store.sqlite_errors import translate
from tracker.store.writer import SqlWriter


def io_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


class Commits:
    """The commits of an engine. ``fail(…)``: the next ones raise, before or after they took effect."""

    def __init__(self, engine: Any) -> None:
        self._commit = engine.dialect.do_commit
        self._failures: list[bool] = []
        self.count = 0
        engine.dialect.do_commit = self._do_commit

    def fail(self, times: int = 1, *, took_effect: bool) -> None:
        self._failures = [took_effect] * times

    def _do_commit(self, connection: Any) -> None:
        self.count += 1
        if not self._failures:
            self._commit(connection)
            return
        if self._failures.pop(0):
            self._commit(connection)
        raise io_error()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    SqliteStore(path).close()
    return path


@pytest.fixture
def failing(path: Path) -> Iterator[tuple[SqlWriter, Commits]]:
    engine = writing_engine(path)
    commits = Commits(engine)
    writer = SqlWriter(engine, translate, lambda: None)
    yield writer, commits
    writer.close()


def fails(writer: SqlWriter, *events: Event) -> None:
    with pytest.raises(StoreUnavailable, match="disk I/O error") as failure:
        writer.append(appends(*events))
    assert isinstance(failure.value.__cause__, OperationalError)


def test_a_commit_that_failed_before_it_took_effect_is_known_to_be_lost(failing: tuple[SqlWriter, Commits]) -> None:
    writer, commits = failing
    commits.fail(took_effect=False)
    fails(writer, started("a"), progressed("a"))
    assert writer.settle() is None
    assert writer.read(0, 10) == []
    assert writer.append(appends(started("a"))).recorded == writer.read(0, 10)
    assert writer.head().position == 1


def test_a_commit_that_failed_after_it_took_effect_is_told_as_it_would_have_been(
    failing: tuple[SqlWriter, Commits],
) -> None:
    writer, commits = failing
    commits.fail(took_effect=True)
    fails(writer, started("a"), progressed("nobody"), progressed("a", event_id="e1"))
    settled = writer.settle()
    assert settled is not None
    assert settled.recorded == writer.read(0, 10)
    assert isinstance(settled.outcomes[1], JobNotFound)
    assert settled.outcomes[2] == (settled.recorded[1],)
    assert writer.load_job("a").sequence == 2
    assert [row.position for row in writer.append(appends(progressed("a"))).recorded] == [3]


def test_settling_says_it_once(failing: tuple[SqlWriter, Commits]) -> None:
    writer, commits = failing
    commits.fail(took_effect=True)
    fails(writer, started("a"))
    assert writer.settle() is not None
    assert writer.settle() is None


def test_settling_speaks_of_the_last_append_only(
    failing: tuple[SqlWriter, Commits], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, commits = failing
    commits.fail(took_effect=True)
    fails(writer, started("a"))
    monkeypatch.setattr(writer, "_write", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        writer.append(appends(started("b")))
    monkeypatch.undo()
    assert writer.settle() is None


@pytest.mark.parametrize("took_effect", [False, True])
def test_settling_that_fails_itself_is_tried_again(failing: tuple[SqlWriter, Commits], took_effect: bool) -> None:
    writer, commits = failing
    commits.fail(took_effect=took_effect)
    fails(writer, started("a"))
    commits.fail(2, took_effect=False)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            writer.settle()
    assert (writer.settle() is not None) is took_effect
    assert len(writer.read(0, 10)) == int(took_effect)


def test_an_append_that_succeeded_leaves_nothing_to_settle(failing: tuple[SqlWriter, Commits]) -> None:
    writer, _ = failing
    writer.append(appends(started("a")))
    assert writer.settle() is None
    assert len(writer.read(0, 10)) == 1


@pytest.mark.parametrize("took_effect", [False, True])
def test_a_transaction_that_only_refused_has_its_answer(failing: tuple[SqlWriter, Commits], took_effect: bool) -> None:
    writer, commits = failing
    writer.append(appends(started("a", event_id="e1")))
    commits.fail(took_effect=took_effect)
    fails(writer, started("a", event_id="e1"), completed("a", event_id="e1"))
    settled = writer.settle()
    assert settled is not None
    assert settled.recorded == []
    assert settled.outcomes[0] == tuple(writer.read(0, 10))
    assert isinstance(settled.outcomes[1], DuplicateEvent)


def test_what_another_wrote_in_the_same_place_is_not_taken_for_ours(
    failing: tuple[SqlWriter, Commits], path: Path
) -> None:
    writer, commits = failing
    commits.fail(took_effect=False)
    fails(writer, started("a", photo_id=1))
    other = SqlWriter(writing_engine(path), translate, lambda: None)
    other.append(appends(started("a", photo_id=2)))
    other.close()
    assert writer.settle() is None


@pytest.mark.parametrize("took_effect", [False, True])
@pytest.mark.parametrize("call", ["prune", "rebuild", "head"])
def test_a_failed_commit_of_anything_else_costs_the_next_append_nothing(
    failing: tuple[SqlWriter, Commits], call: str, took_effect: bool
) -> None:
    writer, commits = failing
    writer.append(appends(started("a")))
    commits.fail(took_effect=took_effect)
    arguments = (2**53, 0, 10) if call == "prune" else ()
    with pytest.raises(StoreUnavailable):
        getattr(writer, call)(*arguments)
    assert len(writer.append(appends(progressed("a"))).recorded) == 1
    assert writer.load_job("a").sequence == 2


def test_a_failure_inside_the_transaction_leaves_nothing_behind(
    failing: tuple[SqlWriter, Commits], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, _ = failing
    writer.append(appends(started("a")))
    monkeypatch.setattr(writer._upsert_jobs, "execute", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        writer.append(appends(progressed("a")))
    monkeypatch.undo()
    assert writer.settle() is None
    assert (writer.head().position, writer.load_job("a").sequence) == (1, 1)
    assert [row.sequence for row in writer.append(appends(progressed("a"))).recorded] == [2]


@pytest.mark.parametrize("took_effect", [False, True])
def test_a_recorder_over_a_failing_disk_records_everything_once(
    failing: tuple[SqlWriter, Commits], took_effect: bool
) -> None:
    writer, commits = failing
    told: list[int] = []
    with recording(writer, on_commit=lambda rows: told.extend(row.position for row in rows)) as recorder:
        receipts = [recorder.record(started("a"))]
        for number in range(30):
            if number % 10 == 5:
                recorder.flush(WAIT)
                commits.fail(2, took_effect=took_effect)
            receipts.append(recorder.record(progressed("a", number)))
        assert [receipt.wait(WAIT) for receipt in receipts] == list(range(1, 32))
        recorder.flush(WAIT)
        rows = recorder.ask(lambda log: log.read(0, 100))
    assert [row.sequence for row in rows] == told == list(range(1, 32))


def test_a_busy_log_is_unavailable_and_usable_again(failing: tuple[SqlWriter, Commits], path: Path) -> None:
    writer, _ = failing
    with writer.transaction() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        writer.append(appends(started("a")))
    other.execute("ROLLBACK")
    other.close()
    assert writer.settle() is None
    assert len(writer.append(appends(started("a"))).recorded) == 1


def test_a_full_disk_is_unavailable_and_writing_goes_on_when_there_is_room(failing: tuple[SqlWriter, Commits]) -> None:
    writer, _ = failing
    writer.append(appends(started("a")))
    with writer.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    large = [progressed("a", message="x" * 60_000)] * 5
    with pytest.raises(StoreUnavailable, match="disk of the log is full"):
        writer.append(appends(*large))
    assert writer.settle() is None  # a new connection, without the limit
    assert len(writer.append(appends(*large)).recorded) == 5
    assert writer.head().position == 6


def test_a_closed_writer_writes_no_more(path: Path) -> None:
    released: list[bool] = []
    writer = SqlWriter(writing_engine(path), translate, lambda: released.append(True))
    writer.append(appends(started("a")))
    writer.close()
    assert released == [True]
    assert writer.settle() is None
    for call in (lambda: writer.append(appends(started("b"))), writer.head, writer.rebuild):
        with pytest.raises(StoreError, match="closed"):
            call()
    store = SqliteStore(path)
    assert store.writer.head().position == 1
    store.close()
