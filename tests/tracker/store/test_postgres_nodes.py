"""Writers of one log that meet."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from tests.builders import NOON, appends, completed, started
from tracker.errors import StoreUnavailable
from tracker.store import open_store
from tracker.store.shared_writer import SharedWriter

from .postgres_logs import terminate


def test_of_nodes_that_prune_one_does(postgres_url: str) -> None:
    here, there = open_store(postgres_url), open_store(postgres_url)
    here.writer.append(appends(started("a"), completed("a")))
    with closing(psycopg.connect(postgres_url)) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('jobreel retention'), 0)")
        assert there.writer.prune(2**53, 2**53, 100).jobs == 0
        terminate(postgres_url, holder.info.backend_pid)  # as a node that dies does
    assert there.writer.prune(2**53, 2**53, 100).jobs == 1
    here.close()
    there.close()


def test_a_commit_that_always_comes_too_late_gives_up_for_now(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(postgres_url)
    store.writer.append(appends(started("a")))
    # One that never sees what is there.
    monkeypatch.setattr(SharedWriter, "_lookups", lambda *_: _Blind())
    with pytest.raises(StoreUnavailable, match="Other nodes record the same jobs"):
        store.writer.append(appends(started("a", photo_id=7), at=NOON))
    monkeypatch.undo()
    store.close()


class _Blind:
    newest_start = 0

    def job(self, _: str) -> None: ...

    def is_pruned(self, _: str) -> bool:
        return False

    def event_by_id(self, _: str) -> None: ...
