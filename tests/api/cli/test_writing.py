from __future__ import annotations

import getpass
import os
import threading
from pathlib import Path

import pytest

from api.cli import writing
from api.cli.failures import Failure
from api.cli.writing import actor, token_table
from tracker.errors import StoreOwned
from tracker.store import open_token_table, schema
from tracker.store.owner import OwnerLock
from tracker.store.sqlite import SqliteStore
from tracker.store.token_table import TokenTable


def test_who_runs_a_command_is_the_user_of_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ann")
    assert actor() == "ann"


@pytest.mark.parametrize(
    ("named", "shown"),
    [("Jörg 東", "Jörg 東"), ("a\x1b[31m\nb", "a [31m b"), ("a\udcffb", "a b"), ("x" * 300, "x" * 199 + "…")],
)
def test_whatever_a_user_is_called_can_be_kept_and_shown(
    monkeypatch: pytest.MonkeyPatch, named: str, shown: str
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: named)
    assert actor() == shown


@pytest.mark.parametrize("error", [OSError("no user"), KeyError("uid not found"), ImportError("pwd")])
@pytest.mark.parametrize(("numbers", "shown"), [(True, "user 1000700000"), (False, "unknown")])
def test_a_user_without_a_name_has_a_number_where_there_are_numbers(
    monkeypatch: pytest.MonkeyPatch, error: Exception, numbers: bool, shown: str
) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", fail)
    if numbers:
        monkeypatch.setattr(os, "getuid", lambda: 1_000_700_000, raising=False)
    else:
        monkeypatch.delattr(os, "getuid", raising=False)
    assert actor() == shown


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A log from before there were tokens."""
    path = tmp_path / "log.db"
    store = SqliteStore(path)
    with store.writer.transaction() as connection:
        schema.downgrade(connection, "0001")
    store.close()
    return path


def test_an_older_log_that_stays_with_its_owner_is_one_line(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_PATIENCE_SECONDS", 0.0)
    lock = OwnerLock(older)
    lock.acquire()
    try:
        told = rf"is of an older version, and process {os.getpid()} is writing it\. Stop"
        with pytest.raises(Failure, match=told), token_table(f"sqlite:///{older.as_posix()}"):
            pass
    finally:
        lock.release()


def test_an_owner_that_is_just_starting_is_waited_for(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()

    def open_or_wait(url: str) -> TokenTable:
        try:
            return open_token_table(url)
        except StoreOwned:
            waits.set()
            raise

    monkeypatch.setattr("tracker.store.open_token_table", open_or_wait)
    lock = OwnerLock(older)
    lock.acquire()

    def start() -> None:
        assert waits.wait(20)
        lock.release()
        SqliteStore(older).close()

    starting = threading.Thread(target=start)
    starting.start()
    with token_table(f"sqlite:///{older.as_posix()}") as table:
        assert table.list() == []
    starting.join(20)
