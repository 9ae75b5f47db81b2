"""R5: the file of the log is moved, replaced, locked or made read-only by somebody else, while it is written."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import figures
from tests.acceptance import logs
from tests.builders import progressed, started
from tests.faults.small_disk import make_read_only, may_mount, mounted
from tests.tracker.doubles import WAIT, until
from tracker.errors import StoreError, StoreUnavailable
from tracker.events import Event
from tracker.projection import Job
from tracker.runtime import LiveFeed, Tracker
from tracker.settings import Settings
from tracker.store import open_reader, same_file

_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_LOCKED_SECONDS = 30.0 if _LONG else 6.5  # longer than SQLite itself waits
_EVENTS = 50


@pytest.fixture
def path(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


@pytest.fixture
def tracker(database_url: str) -> Iterator[Tracker]:
    with Tracker(Settings(database_url=database_url)) as tracker:
        tracker.recorder.record(started()).wait(WAIT)
        yield tracker


def _progress(tracker: Tracker, event: Event | None = None) -> int:
    return tracker.recorder.record(event or progressed()).wait(WAIT)


def test_a_log_that_was_moved_away_is_not_written_and_goes_on_when_it_is_back(tracker: Tracker, path: Path) -> None:
    aside = path.with_name("aside.db")
    path.rename(aside)
    with pytest.raises(StoreUnavailable, match="was removed or replaced while it was open"):
        tracker.recorder.record(progressed(), patient=False).wait(WAIT)
    waiting = tracker.recorder.record(progressed())
    assert not path.exists()  # nor is an empty one made in its place
    aside.rename(path)
    assert waiting.wait(WAIT) == 2
    assert logs.faults(path, {1, 2}) == []


def test_a_log_in_the_place_of_another_is_left_alone(tracker: Tracker, path: Path, empty_log: bytes) -> None:
    path.rename(path.with_name("aside.db"))
    path.write_bytes(empty_log)
    with pytest.raises(StoreUnavailable, match="was removed or replaced"):
        tracker.recorder.record(progressed(), patient=False).wait(WAIT)
    assert path.read_bytes() == empty_log
    assert "was removed or replaced" in str(tracker.recorder.unavailable)


async def _read_after_replacing(tracker: Tracker, path: Path, empty_log: bytes) -> list[list[Job] | BaseException]:
    """What eight readers at once find when another log, an empty one, has come in the place of this one."""
    async with LiveFeed(tracker) as live:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the other is read with what this one wrote last
        path.rename(path.with_name("aside.db"))
        path.write_bytes(empty_log)
        return await asyncio.gather(*[live.reader.active_jobs() for _ in range(8)], return_exceptions=True)


async def test_a_log_in_the_place_of_another_is_not_read_either(tracker: Tracker, path: Path, empty_log: bytes) -> None:
    for read in await _read_after_replacing(tracker, path, empty_log):
        # Connections that are open read the log; those that are not yet open no other.
        if isinstance(read, BaseException):
            assert "was removed or replaced" in str(read)
        else:
            assert [job.job_id for job in read] == ["job"]


async def test_control_readers_who_do_not_look_read_the_other_log(
    tracker: Tracker, path: Path, empty_log: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_file.SameFile, "demand", lambda _: None)
    assert [] in await _read_after_replacing(tracker, path, empty_log)


def test_control_who_does_not_look_acknowledges_what_nobody_will_find(
    tracker: Tracker, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(same_file.SameFile, "demand", lambda _: None)
    path.unlink()
    assert _progress(tracker) == 2
    assert not path.exists()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Somebody else writes, and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def test_a_foreign_lock_delays_and_loses_nothing(tracker: Tracker, path: Path) -> None:
    with _locked(path):
        begun = time.monotonic()
        receipts = [tracker.recorder.record(progressed()) for _ in range(_EVENTS)]
        until(lambda: tracker.recorder.unavailable is not None, 3 * WAIT)
        with pytest.raises(StoreUnavailable, match="locked"):
            tracker.recorder.record(progressed(), patient=False).wait(WAIT)
        threading.Event().wait(max(0, begun + _LOCKED_SECONDS - time.monotonic()))
    released = time.monotonic()
    assert [receipt.wait(WAIT) for receipt in receipts] == list(range(2, _EVENTS + 2))
    waited = time.monotonic() - released
    figures.show(
        "R5: a foreign lock",
        f"held {_LOCKED_SECONDS:g} s: 0 of {_EVENTS} lost, written {waited:.2f} s after",
        "0 lost, 2 s",
    )
    assert waited <= (2.0 if _LONG else WAIT)
    assert logs.faults(path, set(range(1, _EVENTS + 2))) == []


def test_a_log_that_became_read_only_says_so_and_goes_on_when_it_is_not(tracker: Tracker, path: Path) -> None:
    # As a file system does that was mounted anew: what is open stays so, and writing to it is refused.
    with tracker.store.writer.transaction() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match="readonly"):
        tracker.recorder.record(progressed(), patient=False).wait(WAIT)
    # The connection was given up with the error, and the next one may write.
    assert _progress(tracker) == 2
    assert logs.faults(path, {1, 2}) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o666), (0o777, 0o444)])
def test_a_log_that_cannot_be_written_is_not_opened_for_writing(
    empty_log: bytes, folder_mode: int, file_mode: int
) -> None:
    # Where others may look: the tests' own folder is for nobody else.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        path.write_bytes(empty_log)
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        child = os.fork()
        if child == 0:
            _as_somebody_else(path)
        _, status = os.waitpid(child, 0)
        path.parent.chmod(0o755)
    assert os.waitstatus_to_exitcode(status) == 0


def _as_somebody_else(path: Path) -> None:
    """Ends the process: 0 if the error says which file, and what to do."""
    code = 1
    try:
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            Tracker(Settings(database_url=f"sqlite:///{path}"))
        except StoreError as error:
            code = 0 if _says_what_to_do(error, path) else 2
    finally:
        os._exit(code)


def _says_what_to_do(error: StoreError, path: Path) -> bool:
    return str(path) in str(error) and "Give this user the right to write" in str(error)


# Where nothing may be mounted there is no such disk; the rights above are tried everywhere.
if may_mount():

    def test_a_log_on_a_read_only_disk_is_not_opened_for_writing(tmp_path: Path, empty_log: bytes) -> None:
        with mounted(tmp_path / "small") as folder:
            path = folder / "log.db"
            path.write_bytes(empty_log)
            make_read_only(folder)
            with pytest.raises(StoreError) as refused:
                Tracker(Settings(database_url=f"sqlite:///{path}"))
            assert _says_what_to_do(refused.value, path)
            with pytest.raises(StoreUnavailable, match="On a read-only disk, copy it elsewhere first"):
                open_reader(f"sqlite:///{path}")
            copy = tmp_path / "copy.db"
            shutil.copy(path, copy)
            Tracker(Settings(database_url=f"sqlite:///{copy}")).close()
