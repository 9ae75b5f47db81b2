from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import appends, progressed, started
from tests.tracker.recordings import present, recorded
from tracker.projection import Job, fold
from tracker.store import lookups
from tracker.store.lookups import JobCache
from tracker.store.sqlite import SqliteStore


def jobs(*names: str) -> dict[str, Job]:
    return {name: present(fold(recorded(started(name)))) for name in names}


def test_the_cache_keeps_what_was_written_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_CACHED_JOBS", 3)
    cache = JobCache()
    cache.update(jobs("a", "b", "c"))
    cache.update(jobs("a"))
    cache.update(jobs("d"))
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    cache.clear()
    assert cache.get("a") is None


def test_a_job_that_left_the_cache_is_read_from_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_CACHED_JOBS", 1)
    store = SqliteStore(tmp_path / "log.db")
    store.writer.append(appends(started("a"), started("b"), progressed("a", 40)))
    store.writer.append(appends(started("c")))
    recorded_now = store.writer.append(appends(progressed("b"), progressed("a"), started("b")))
    assert [row.sequence for row in recorded_now.recorded] == [2, 3]
    assert recorded_now.outcomes[2] == tuple(store.writer.read(1, 1))
    store.close()
