"""When the write-ahead log is emptied, and by whom."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Connection

from tests.builders import appends, progressed, started
from tracker.store import sqlite, write_ahead_log
from tracker.store.sqlite import SqliteStore, open_token_table
from tracker.store.write_ahead_log import WriteAheadLog

_FEW = 40 * 4096  # more than a job that starts takes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    monkeypatch.setattr(sqlite, "_WRITER_PRAGMAS", (*sqlite._WRITER_PRAGMAS, "PRAGMA wal_autocheckpoint = 0"))
    monkeypatch.setattr(write_ahead_log, "_LONG_BYTES", _FEW)
    monkeypatch.setattr(write_ahead_log, "_LOOK_SECONDS", 0.0)
    with closing(SqliteStore(path)) as store:
        store.writer.append(appends(started()))
        yield store


def _append(store: SqliteStore, times: int = 1) -> None:
    for _ in range(times):
        store.writer.append(appends(progressed(message="x" * 500)))


def _ahead(path: Path) -> int:
    return path.with_name("log.db-wal").stat().st_size


def _until_long(store: SqliteStore, path: Path, size: int = _FEW) -> None:
    while _ahead(path) < size:
        _append(store)


def test_it_is_emptied_before_the_next_append_once_it_is_long(store: SqliteStore, path: Path) -> None:
    _until_long(store, path)
    full = _ahead(path)
    _append(store)
    assert 0 < _ahead(path) < full


def test_a_short_one_is_left_alone(store: SqliteStore, path: Path) -> None:
    _until_long(store, path)
    _append(store)
    before = _ahead(path)
    _append(store)
    assert _ahead(path) > before


def test_one_that_is_read_is_tried_again_when_it_is_longer_and_not_at_every_append(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    empty = WriteAheadLog._is_emptied

    def noted(ahead: WriteAheadLog, connection: Connection) -> bool:
        tried.append(_ahead(path))
        return empty(ahead, connection)

    monkeypatch.setattr(WriteAheadLog, "_is_emptied", noted)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT position FROM log_head").fetchall()
        _until_long(store, path, 3 * _FEW)
        assert len(tried) > 1
        assert all(later > earlier * 1.12 for earlier, later in pairwise(tried))
        reader.execute("COMMIT")
    _until_long(store, path, tried[-1] * 9 // 8)
    _append(store)
    assert _ahead(path) < _FEW


def test_commits_that_follow_at_once_do_not_look_at_it(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    size = WriteAheadLog._size

    def noted(ahead: WriteAheadLog) -> int:
        looks.append(at)
        return size(ahead)

    monkeypatch.setattr(WriteAheadLog, "_size", noted)
    monkeypatch.setattr(write_ahead_log, "_LOOK_SECONDS", 0.01)
    at = monotonic() + 1
    monkeypatch.setattr(write_ahead_log, "monotonic", lambda: at)
    for _ in range(100):
        _append(store)
        at += 0.001
    assert 8 <= len(looks) <= 12
    assert _ahead(path) < 2 * _FEW


def test_a_commit_of_tokens_leaves_it_to_the_owner(store: SqliteStore, path: Path) -> None:
    with closing(open_token_table(path)) as tokens, tokens._transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0
