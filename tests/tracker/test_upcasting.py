from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli.group import tracker
from tests.builders import NOON, appends, completed, progressed, started
from tests.logs.facts import described
from tracker import upcasting
from tracker.events import FACTS, Fact
from tracker.filters import EVERYTHING
from tracker.store import open_reader, open_store
from tracker.store.base import Append
from tracker.upcasting import UnknownVersion, stamped, upcast, version

_RECORDED: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parents[1] / "logs" / "facts.json").read_text(encoding="utf-8")
)


def to_two(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 2, which there is in tests only: a message says so, and it is shouted."""
    return {**fields, "message": fields["message"].upper()}


def to_three(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "message": fields["message"] + "!"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upcasting.UPCASTERS, "job_progress", (to_two,))


def test_today_all_payloads_are_of_version_1_and_carry_no_number() -> None:
    assert {version(name) for name in FACTS} == {1}
    assert upcast("job_progress", '{"message":"a"}') == '{"message":"a"}'
    assert stamped("job_progress", b'{"message":"a"}') == b'{"message":"a"}'


def test_a_payload_takes_every_step_from_its_version_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upcasting.UPCASTERS, "job_progress", (to_two, to_three))
    assert upcast("job_progress", '{"message":"a"}') == '{"message":"A!","v":3}'
    assert upcast("job_progress", '{"message":"a","v":2}') == '{"message":"a!","v":3}'
    assert upcast("job_progress", '{"message":"a","v":3}') == '{"message":"a","v":3}'
    assert upcast("photo_info", '{"message":"a"}') == '{"message":"a"}'


@pytest.mark.parametrize("found", ["3", "0", "-1", '"2"', "null", "[]"])
def test_a_version_that_is_not_known_is_refused(later: None, found: str) -> None:
    with pytest.raises(UnknownVersion, match="this tracker knows 2"):
        upcast("job_progress", f'{{"message":"a","v":{found}}}')


@pytest.fixture
def old(tmp_path: Path, database_url: str) -> Path:
    """A log of today, with a message in it."""
    store = open_store(database_url)
    store.writer.append(appends(started(), progressed(message="läuft")))
    store.close()
    return tmp_path / "log.db"


def stored(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT payload FROM events ORDER BY position").fetchall()
    connection.close()
    return [payload for (payload,) in rows]


async def test_an_event_of_version_1_is_read_as_version_2_everywhere_and_stays_as_it_lies(
    old: Path, database_url: str, later: None
) -> None:
    before = stored(old)
    store = open_store(database_url)
    store.writer.rebuild()
    assert store.writer.load_job("job").message == "LÄUFT"
    reader = open_reader(database_url)
    read = (await reader.read(0, 10, EVERYTHING))[1]
    (step,) = list(await reader.job_steps("job", 1, 10, 10))
    await reader.close()
    assert json.loads(read.payload) | {"v": 2, "message": "LÄUFT"} == json.loads(read.payload)
    assert step[4] == read.payload
    store.writer.append([Append((progressed(message="Neu"), completed()), NOON)])
    store.close()
    assert stored(old)[:2] == before
    assert '"message":"läuft"' in before[1]
    # What is written today says so, and is not cast again.
    assert json.loads(stored(old)[2]) | {"v": 2, "message": "Neu"} == json.loads(stored(old)[2])
    assert '"v"' not in stored(old)[3]


def run(log: Path, *args: str) -> Result:
    return CliRunner().invoke(tracker, ["--database", str(log), *args], catch_exceptions=False)


def test_it_is_exported_as_it_is_sent_and_imported_again(old: Path, later: None, tmp_path: Path) -> None:
    again, file = tmp_path / "again.db", tmp_path / "two.jsonl"
    assert run(old, "export", "-o", str(file)).exit_code == 0
    header, _, progress, _ = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert header["payload_versions"]["job_progress"] == 2
    assert (progress["message"], progress["v"]) == ("LÄUFT", 2)
    assert run(again, "import", str(file)).exit_code == 0
    assert run(again, "export", "-o", "-").stdout_bytes == file.read_bytes()


def test_an_export_of_an_earlier_version_is_stored_as_it_is(
    old: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    again, file = tmp_path / "again.db", tmp_path / "one.jsonl"
    run(old, "export", "-o", str(file))
    monkeypatch.setitem(upcasting.UPCASTERS, "job_progress", (to_two,))
    assert run(again, "import", str(file)).exit_code == 0
    assert stored(again) == stored(old)
    assert "LÄUFT" in run(again, "export", "-o", "-").stdout


def test_an_export_of_alater_version_is_refused(old: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    with monkeypatch.context() as then:
        then.setitem(upcasting.UPCASTERS, "job_progress", (to_two,))
        run(old, "export", "-o", str(file))
    done = run(tmp_path / "again.db", "import", str(file))
    assert done.exit_code == 2
    assert done.stderr == "Error: line 1: holds job_progress of version 2: a newer tracker wrote it\n"
    assert not (tmp_path / "again.db").exists()


@pytest.mark.parametrize("name", FACTS)
def test_the_fields_of_a_fact_change_with_its_version_only(name: str) -> None:
    recorded = _RECORDED[name].get(str(version(name)))
    assert described(FACTS[name]) == recorded, "Make a new version: see tracker/upcasting.py and tests/logs/README.md."


def test_a_field_that_changes_is_seen() -> None:
    class Before(Fact, frozen=True, kw_only=True):
        stage: str
        message: str = ""

    defaults: list[Any] = ["", "x", msgspec.UNSET]
    changed = [
        msgspec.defstruct("Before", [("stage", str), ("message", str, default)], bases=(Fact,), frozen=True)
        for default in defaults[1:]
    ]
    changed.append(msgspec.defstruct("Before", [("stage", int), ("message", str, "")], bases=(Fact,), frozen=True))
    changed.append(msgspec.defstruct("Before", [("message", str, "")], bases=(Fact,), frozen=True))
    same = msgspec.defstruct("Other", [("stage", str), ("message", str, "")], bases=(Fact,), frozen=True, kw_only=True)
    assert described(same) == described(Before)
    assert all(described(one) != described(Before) for one in changed)
