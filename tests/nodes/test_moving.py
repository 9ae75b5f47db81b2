"""A log moves from a file to PostgreSQL, and back, and is the same."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.builders import completed, error, progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT
from tracker.errors import LogNotEmpty
from tracker.export_file import write
from tracker.exporting import Export, Selection
from tracker.importing import import_file
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import open_snapshot, open_store

_TABLES = ("events", "jobs", "statistics", "log_head", "tombstones", "job_texts")


def _exported(url: str, path: Path) -> bytes:
    with open_snapshot(url) as log:
        write(path, Export(log, Selection()).lines())
    return path.read_bytes()


def _rows(url: str, table: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)


def _fill(url: str) -> None:
    with Tracker(Settings(database_url=url)) as tracker:
        for number in range(20):
            job_id = f"job-{number}-Ä\U0001f4f7"
            tracker.recorder.record(
                started(job_id, photo_info={"name": 'a "quoted" \\ name'}),
                progressed(job_id, 5, event_id=f"e{number}", message="\t\n\\N"),
                error(job_id),
            )
            if number % 2:
                tracker.recorder.record(completed(job_id))
        tracker.recorder.flush(WAIT)


def test_a_log_goes_to_postgresql_and_back_and_is_the_same(
    tmp_path: Path, database_url: str, postgres_url: str
) -> None:
    _fill(database_url)
    there, back = tmp_path / "there.jsonl", tmp_path / "back.jsonl"
    before = _exported(database_url, there)
    import_file(there, postgres_url)
    assert _exported(postgres_url, back) == before
    again = f"sqlite:///{tmp_path.as_posix()}/again.db"
    import_file(back, again)
    assert _exported(again, tmp_path / "again.jsonl") == before


def test_what_was_imported_is_what_would_have_been_recorded(
    tmp_path: Path, postgres_url: str, cluster: Cluster, empty_postgres: str
) -> None:
    _fill(postgres_url)
    there = tmp_path / "there.jsonl"
    _exported(postgres_url, there)
    name = cluster.create_database(template=empty_postgres)
    other = cluster.url(name)
    import_file(there, other)
    for table in _TABLES:
        assert _rows(other, table) == _rows(postgres_url, table), table
    with pytest.raises(LogNotEmpty):
        import_file(there, other)
    store = open_store(other)
    assert store.writer.rebuild() == 20
    store.close()
    assert _rows(other, "jobs") == _rows(postgres_url, "jobs")
    cluster.drop_database(name)
