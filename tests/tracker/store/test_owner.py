from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.builders import appends, started
from tests.tracker.doubles import WAIT
from tracker.errors import StoreOwned
from tracker.store.owner import OwnerLock
from tracker.store.sqlite import SqliteStore

OWN = """
import sys, pathlib
from tests.builders import appends, started
from tracker.store.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
store.announce(sys.argv[2])
store.writer.append(appends(started("of the owner")))
print("ready", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@contextmanager
def owner(path: Path, url: str = "http://127.0.0.1:5100") -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the log, until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWN, path, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_tracker_of_this_process_is_told_who_owns_the_log(path: Path) -> None:
    store = SqliteStore(path)
    with pytest.raises(StoreOwned) as refused:
        SqliteStore(path)
    assert (refused.value.path, refused.value.pid, refused.value.url) == (str(path), os.getpid(), None)
    store.announce("http://127.0.0.1:1")
    with pytest.raises(StoreOwned) as refused:
        SqliteStore(path)
    assert refused.value.url == "http://127.0.0.1:1"
    store.writer.append(appends(started("a")))
    store.close()


def test_a_second_process_is_told_who_owns_the_log_and_where_it_is_served(path: Path) -> None:
    with owner(path) as process:
        with pytest.raises(StoreOwned) as refused:
            SqliteStore(path)
        assert (refused.value.pid, refused.value.url) == (process.pid, "http://127.0.0.1:5100")
        assert 'init_progress_reporter("http://127.0.0.1:5100")' in str(refused.value)


def test_an_owner_that_ends_frees_the_log(path: Path) -> None:
    with owner(path) as process:
        process.communicate("", WAIT)
        store = SqliteStore(path)
        assert store.writer.head().position == 1
        store.close()


def test_an_owner_that_is_killed_frees_the_log_and_what_it_committed_is_there(path: Path) -> None:
    with owner(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT)
    assert path.with_name("log.db.owner.json").exists()  # the note of the dead, believed by nobody
    store = SqliteStore(path)
    assert [row.job_id for row in store.writer.read(0, 10)] == ["of the owner"]
    with pytest.raises(StoreOwned) as refused:
        SqliteStore(path)
    assert refused.value.pid == os.getpid()
    store.close()


def test_a_refused_open_leaves_the_owner_alone(path: Path) -> None:
    lock = OwnerLock(path)
    lock.acquire()
    for _ in range(3):
        other = OwnerLock(path)
        with pytest.raises(StoreOwned):
            other.acquire()
        other.release()
    assert json.loads(path.with_name("log.db.owner.json").read_text())["pid"] == os.getpid()
    lock.release()
    lock.release()
    assert not path.with_name("log.db.owner.json").exists()


@pytest.mark.parametrize("note", ["", "{", "[]", "5", '{"pid": "x", "url": null}', '{"url": null}', '{"pid": 5}'])
def test_a_note_that_cannot_be_read_hides_the_owner_but_not_that_there_is_one(path: Path, note: str) -> None:
    lock = OwnerLock(path)
    lock.acquire()
    path.with_name("log.db.owner.json").write_text(note)
    with pytest.raises(StoreOwned, match="another process") as refused:
        OwnerLock(path).acquire()
    assert (refused.value.pid, refused.value.url) == (None, None)
    lock.release()
