"""A log moves from a file to PostgreSQL, and back, and is the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from tests.builders import completed, error, progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT
from tracker import copying
from tracker.copying import copy_log
from tracker.errors import LogNotEmpty, TrackerError
from tracker.export_file import write
from tracker.exporting import Export, Selection
from tracker.importing import import_file
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import open_snapshot, open_store
from tracker.times import now

_TABLES = ("events", "jobs", "statistics", "log_head", "tombstones", "job_texts")


def _exported(url: str, path: Path) -> bytes:
    with open_snapshot(url) as log:
        write(path, Export(log, Selection()).lines())
    return path.read_bytes()


def _rows(url: str, table: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)


def _fill(url: str) -> None:
    with Tracker(Settings(database_url=url)) as node:
        for number in range(20):
            job_id = f"job-{number}-Ä\U0001f4f7"
            node.recorder.record(
                started(job_id, photo_info={"name": 'a "quoted" \\ name'}),
                progressed(job_id, 5, event_id=f"e{number}", message="\t\n\\N"),
                error(job_id),
            )
            if number % 2:
                node.recorder.record(completed(job_id))
        node.recorder.flush(WAIT)


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


# tracker copy.


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen events a step."""
    monkeypatch.setattr(copying, "_EVENTS_A_STEP", 16)


def _prune_all(url: str) -> None:
    store = open_store(url)
    while not store.writer.prune(now(), now(), 100).done:
        pass
    store.close()


class _Cut(Exception):
    """The power went."""


def _cut_after(steps: int) -> Callable[[int, int], None]:
    reached: list[int] = []

    def told(position: int, _: int) -> None:
        reached.append(position)
        if len(reached) == steps:
            raise _Cut

    return told


@pytest.mark.usefixtures("small_steps")
def test_a_copy_there_and_back_is_the_same_log(tmp_path: Path, database_url: str, postgres_url: str) -> None:
    _fill(database_url)
    _prune_all(database_url)
    before = _exported(database_url, tmp_path / "before.jsonl")
    there = copy_log(database_url, postgres_url)
    again = f"sqlite:///{tmp_path.as_posix()}/again.db"
    back = copy_log(postgres_url, again)
    assert there == back
    assert (there.events, there.pruned_jobs, there.resumed) == (30, 10, 0)
    assert _exported(again, tmp_path / "again.jsonl") == before
    with sqlite3.connect(again.removeprefix("sqlite:///")) as here, sqlite3.connect(tmp_path / "log.db") as first:
        for table in ("events", "jobs", "log_head", "tombstones"):
            rows = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert here.execute(rows).fetchall() == first.execute(rows).fetchall(), table


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("steps", [1, 3])
def test_a_copy_that_was_cut_short_goes_on(database_url: str, postgres_url: str, steps: int) -> None:
    _fill(database_url)
    with pytest.raises(_Cut):
        copy_log(database_url, postgres_url, _cut_after(steps))
    reached: list[int] = []
    done = copy_log(database_url, postgres_url, lambda position, _: reached.append(position))
    assert (done.resumed, done.events) == (16 * steps, 70)
    assert reached[0] > 16 * steps
    assert copy_log(database_url, postgres_url).resumed == 70  # once more changes nothing


@pytest.mark.usefixtures("small_steps")
def test_a_copy_that_somebody_wrote_to_is_no_copy(database_url: str, postgres_url: str) -> None:
    _fill(database_url)
    with pytest.raises(_Cut):
        copy_log(database_url, postgres_url, _cut_after(1))
    with Tracker(Settings(database_url=postgres_url)) as node:
        node.recorder.record(started("theirs"), progressed("theirs"), progressed("theirs")).wait(WAIT)
    with pytest.raises(TrackerError):
        copy_log(database_url, postgres_url)


def test_another_log_is_not_copied_over(database_url: str, postgres_url: str) -> None:
    _fill(database_url)
    _fill(postgres_url)
    with pytest.raises(LogNotEmpty):
        copy_log(database_url, postgres_url)


def test_the_command_says_what_it_did(database_url: str, postgres_url: str) -> None:
    _fill(database_url)
    done = CliRunner().invoke(tracker, ["copy", "--from", database_url, "--to", postgres_url])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Copied 70 events to postgresql://tester:***@")
    assert "secret" not in done.output
    again = CliRunner().invoke(tracker, ["copy", "--from", database_url, "--to", postgres_url, "--json"])
    told = json.loads(again.stdout)
    assert (told["events"], told["resumed"]) == (70, 70)
    assert told["sha256"] in done.stdout
