"""A log of every released version opens, is projected, streamed and exported as it was."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.logs.write import statuses
from tracker.events import FACTS, RecordedEvent
from tracker.export_file import opened
from tracker.export_format import event_line, read_event
from tracker.exporting import Export, Selection
from tracker.filters import EVERYTHING
from tracker.importing import import_file
from tracker.store import open_reader, open_snapshot, open_store

_FOLDER = Path(__file__).parents[1] / "logs"
_VERSIONS = sorted(path.name.removesuffix(".db.gz") for path in _FOLDER.glob("*.db.gz"))


@pytest.fixture(params=_VERSIONS)
def version(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> str:
    name: str = request.param
    (tmp_path / "log.db").write_bytes(gzip.decompress((_FOLDER / f"{name}.db.gz").read_bytes()))
    return name


def test_there_is_one() -> None:
    assert "0.1.0" in _VERSIONS


def test_its_jobs_are_what_they_were(version: str, database_url: str) -> None:
    expected = json.loads((_FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    store = open_store(database_url)
    assert statuses(store, list(expected)) == expected
    store.writer.rebuild()
    assert statuses(store, list(expected)) == expected
    store.close()


async def test_its_events_are_streamed(version: str, database_url: str) -> None:
    open_store(database_url).close()
    events = await _read(database_url)
    assert {event.type for event in events} == set(FACTS)
    assert [event.position for event in events] == list(range(3, 13))
    for event in events:
        event.fact.check()


async def test_its_export_is_what_is_streamed_and_makes_the_same_log(
    version: str, database_url: str, tmp_path: Path
) -> None:
    open_store(database_url).close()
    lines = _export(database_url)
    assert lines[1:11] == [event_line(event) for event in await _read(database_url)]
    assert [read_event(line, 1) for line in lines[1:11]] == await _read(database_url)
    (tmp_path / "old.jsonl").write_bytes(b"".join(lines))
    with opened(tmp_path / "old.jsonl") as read:
        assert list(read) == lines
    again = f"sqlite:///{(tmp_path / 'again.db').as_posix()}"
    assert import_file(tmp_path / "old.jsonl", again).pruned_jobs == 1
    assert _export(again) == lines


async def _read(url: str) -> list[RecordedEvent]:
    reader = open_reader(url)
    try:
        return await reader.read(0, 100, EVERYTHING)
    finally:
        await reader.close()


def _export(url: str) -> list[bytes]:
    with open_snapshot(url) as log:
        return list(Export(log, Selection()).lines())
