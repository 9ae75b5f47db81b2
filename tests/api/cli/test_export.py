"""``tracker export`` and ``tracker import``, from the command line."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.request import urlopen

import pytest

from api.websocket_server import WebSocketServer
from tests.builders import (
    NOON,
    SECOND,
    appends,
    completed,
    error,
    failed,
    photo_info,
    progressed,
    stage_completed,
    started,
)
from tracker import export_file
from tracker.errors import StoreUnavailable
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_store
from tracker.store.loading import Loading

from .conftest import Run, Start

_EVENTS = [
    started("past", event_id="e1", photo_info={"file_name": "Zoë.nef", "user": "Zoë"}),
    progressed("past", 30.0, message="Läuft [b]"),
    started("broken"),
    stage_completed("past"),
    error("broken", error_details={"user": "Zoë"}),
    photo_info("past", photo_data={"gps": [1, 2.5]}),
    failed("broken"),
    completed("past"),
    started("busy", stages=("x", "y")),
    progressed("busy", 5, stage="x"),
]
_Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, keep_for_seconds=9e9)


@pytest.fixture(autouse=True)
def _past(settings: Settings) -> None:
    """``past`` (1, 2, 4, 6, 8), ``broken`` (3, 5, 7), ``busy`` (9, 10): an event a second from 12:00:00."""
    store = open_store(settings.database_url)
    store.writer.append(appends(*_EVENTS))
    store.close()


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def events(text: bytes) -> list[dict[str, Any]]:
    return [message for message in map(json.loads, text.splitlines()) if "position" in message and "type" in message]


def epoch(log: Path) -> str:
    with sqlite3.connect(log) as connection:
        (found,) = connection.execute("SELECT epoch FROM log_head").fetchone()
    connection.close()
    return str(found)


def sealed(body: list[bytes]) -> list[bytes]:
    """The lines with an end that fits them: damage that the hash does not show."""
    end = json.loads(body[-1])
    told = [json.loads(line).get("position") for line in body[1:-1] if b'"type":' in line]
    end |= {"events": len(told), "first_position": told[0], "last_position": told[-1]}
    end["sha256"] = hashlib.sha256(b"".join(body[:-1])).hexdigest()
    return [*body[:-1], json.dumps(end, separators=(",", ":")).encode() + b"\n"]


@pytest.mark.parametrize("name", ["incident.jsonl", "incident.jsonl.zst"])
def test_a_whole_log_comes_back_as_it_was(run: Run, log: Path, tmp_path: Path, name: str) -> None:
    done = run("export", "-o", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Exported 10 events to {name} (")
    assert (tmp_path / name).read_bytes().startswith(b"\x28\xb5\x2f\xfd") is name.endswith(".zst")
    again = tmp_path / "again.db"
    imported = run("import", name, "--database", str(again))
    assert (imported.exit_code, imported.stdout) == (0, f"Imported 10 events into {again}.\n")
    run("export", "-o", f"again-{name}", "--database", str(again))
    assert (tmp_path / f"again-{name}").read_bytes() == (tmp_path / name).read_bytes()
    assert epoch(again) == epoch(log)
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def test_its_events_are_what_the_server_sends_and_its_ends_say_what_is_in_it(run: Run, settings: Settings) -> None:
    server = WebSocketServer("127.0.0.1", 0)
    with ProgressReporter(server, settings=settings):
        with urlopen(f"{server.url}/events?after=0") as answer:  # a URL of ours
            sent = json.load(answer)["events"]
        told = run("export", "-o", "-").stdout_bytes
    assert len(sent) == 10
    assert events(told) == [{key: value for key, value in one.items() if key != "prev"} for one in sent]
    header, *_, end = [json.loads(line) for line in told.splitlines()]
    assert (header["format"], header["version"], header["whole"], header["position"]) == ("jobreel-export", 1, True, 10)
    assert (end["events"], end["first_position"], end["last_position"]) == (10, 1, 10)
    body = told.splitlines(keepends=True)
    assert end["sha256"] == hashlib.sha256(b"".join(body[:-1])).hexdigest()


def test_what_is_imported_has_the_same_jobs_and_can_be_written_on(run: Run, tmp_path: Path) -> None:
    run("export", "-o", "a.jsonl")
    again = tmp_path / "again.db"
    run("import", "a.jsonl", "--database", str(again))
    with sqlite3.connect(tmp_path / "log.db") as before, sqlite3.connect(again) as after:
        for table in ("events", "jobs", "statistics", "log_head"):
            rows = f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5"
            assert after.execute(rows).fetchall() == before.execute(rows).fetchall(), table
        with pytest.raises(sqlite3.IntegrityError, match="an event is never changed"):
            after.execute("UPDATE events SET payload = '{}'")
    before.close()
    after.close()
    with ProgressReporter(settings=Settings(database_url=f"sqlite:///{again.as_posix()}")) as reporter:
        receipt = reporter.update_progress("busy", "y", 50.0)
        assert receipt is not None
    seen = events(run("export", "busy", "-o", "-", "--database", str(again)).stdout_bytes)
    assert [one["position"] for one in seen] == [9, 10, 11]


def test_jobs_come_whole_and_make_a_log_of_their_own(run: Run, log: Path, tmp_path: Path) -> None:
    run("export", "broken", "busy", "-o", "part.jsonl")
    told = events((tmp_path / "part.jsonl").read_bytes())
    assert [one["position"] for one in told] == [3, 5, 7, 9, 10]
    again = tmp_path / "again.db"
    done = run("import", "part.jsonl", "--json", "--database", str(again))
    body = json.loads(done.stdout)
    assert (body["events"], body["whole"], body["position"]) == (5, False, 5)
    assert body["epoch"] == epoch(again) != epoch(log)
    seen = events(run("export", "-o", "-", "--database", str(again)).stdout_bytes)
    assert [one["position"] for one in seen] == [1, 2, 3, 4, 5]
    assert [{**one, "position": 0} for one in seen] == [{**one, "position": 0} for one in told]


@pytest.mark.parametrize(
    ("window", "positions"),
    [
        (["--since", "8"], [1, 2, 4, 6, 8, 9, 10]),
        (["--since", "2025-11-09T12:00:07Z"], [1, 2, 4, 6, 8, 9, 10]),
        (["--since", "2025-11-09T12:00:07.000001Z"], [9, 10]),
        (["--until", "4"], [1, 2, 3, 4]),
        (["--until", "2025-11-09T12:00:03Z"], [1, 2, 3, 4]),
        (["--until", "2025-11-09T12:00:02.999999Z"], [1, 2, 3]),
        (["--since", "5", "--until", "7"], [1, 2, 3, 4, 5, 6, 7]),
        (["--since", "5", "--until", "5"], [3, 5]),
        (["broken", "--until", "5"], [3, 5]),
        (["--since", "2030-01-01T00:00:00Z"], []),
    ],
)
def test_a_window_takes_the_jobs_heard_of_in_it_from_their_start(
    run: Run, tmp_path: Path, window: list[str], positions: list[int]
) -> None:
    assert run("export", *window, "-o", "part.jsonl.zst").exit_code == 0
    with export_file.opened(tmp_path / "part.jsonl.zst") as read:
        told = events(b"".join(read))
    assert [one["position"] for one in told] == positions
    done = run("import", "part.jsonl.zst", "--database", str(tmp_path / "again.db"))
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_pruned_log_comes_back_with_its_gaps_and_tombstones(run: Run, settings: Settings, tmp_path: Path) -> None:
    store = open_store(settings.database_url)
    # One that lingers: buried, and not yet emptied.
    store.writer.prune(NOON + 9 * SECOND, NOON + 60 * SECOND, 4)
    store.close()
    run("export", "-o", "pruned.jsonl")
    told = [json.loads(line) for line in lines(tmp_path / "pruned.jsonl")]
    assert [one["pruned_job"] for one in told if "pruned_job" in one] == ["broken", "past"]
    assert [one["position"] for one in told[1:] if "type" in one] == [9, 10]
    again = tmp_path / "again.db"
    done = run("import", "pruned.jsonl", "--json", "--database", str(again))
    assert (done.exit_code, json.loads(done.stdout)["pruned_jobs"]) == (0, 2)
    run("export", "-o", "again.jsonl", "--database", str(again))
    assert lines(tmp_path / "again.jsonl") == lines(tmp_path / "pruned.jsonl")
    gone = run("export", "past", "-o", "x.jsonl", "--database", str(again))
    assert (gone.exit_code, "removed after its retention" in gone.stderr) == (2, True)
    assert not (tmp_path / "x.jsonl").exists()


def test_redacted_values_are_nowhere_in_the_file_and_it_is_imported_as_another_log(
    run: Run, log: Path, tmp_path: Path
) -> None:
    redact = [part for key in ("user", "job_id", "file_name") for part in ("--redact", key)]
    run("export", *redact, "-o", "a.jsonl")
    text = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    for secret in ("Zoë", "past", "broken", "busy", epoch(log)):
        assert secret not in text
    told = events(text.encode())
    assert told[0]["photo_info"]["user"] == told[4]["error_details"]["user"]
    assert len({one["job_id"] for one in told}) == 3
    (of_one,) = {one["job_id"] for one in events(run("export", "past", *redact, "-o", "-").stdout_bytes)}
    assert of_one == told[0]["job_id"], "the same in another export"
    again = tmp_path / "again.db"
    assert run("import", "a.jsonl", "--database", str(again)).exit_code == 0
    assert epoch(again) != epoch(log)


def test_it_works_beside_the_owner_that_writes(run: Run, start: Start, reporter: ProgressReporter) -> None:
    told = events(run("export", "-o", "-").stdout_bytes)
    reporter.start_job("new", 1)
    reporter.flush()
    assert [one["position"] for one in told] == list(range(1, 11))
    assert len(events(run("export", "-o", "-").stdout_bytes)) == 11
    refused = run("import", "nothing.jsonl")
    assert refused.exit_code == 1


def _flip(body: list[bytes]) -> list[bytes]:
    return [*body[:4], body[4].replace(b'"result":{}', b'"result":{"a":1}'), *body[5:]]


_DAMAGES: list[tuple[str, _Change, str]] = [
    ("empty", lambda body: [], "line 1: is not the header of a jobreel-export: this file is none"),
    ("not ours", lambda body: [b"GIF89a\0\xff"], "line 1: is not the header of a jobreel-export: this file is none"),
    ("deep", lambda body: [b"[" * 100_000], "line 1: is not the header"),
    (
        "newer",
        lambda body: [body[0].replace(b'"version":1', b'"version":2'), *body[1:]],
        "line 1: is a jobreel-export of version 2, this tracker reads version 1",
    ),
    ("header", lambda body: [body[0].replace(b'"position":10', b'"position":-1'), *body[1:]], "line 1: the header is"),
    ("cut", lambda body: body[:-1], "line 12: the file is cut short here: its end is missing"),
    ("cut in a line", lambda body: [*body[:3], body[3][:20]], "line 4: the file is cut short here"),
    ("bit", _flip, "line 12: the end does not fit what is before it: the file was changed"),
    ("more", lambda body: [*body, body[3]], "line 13: stands behind the end of the export"),
    ("no JSON", lambda body: [*body[:5], b"{oops\n", *body[6:]], "line 6: is no event"),
    ("long", lambda body: [*body[:5], b"x" * 300_000 + b"\n", *body[6:]], "line 6: is longer than 262144 bytes"),
    ("twice", lambda body: sealed([*body[:3], body[2], *body[3:]]), "line 4: position 2 is out of order"),
    ("missing", lambda body: sealed([*body[:2], *body[3:]]), "line 3: position 3 follows 1: events are missing"),
    ("last missing", lambda body: sealed([*body[:-2], body[-1]]), "line 11: the events do not reach the ends"),
    (
        "sequence",
        lambda body: sealed([*body[:2], body[2].replace(b'"sequence":2', b'"sequence":3'), *body[3:]]),
        "line 3: sequence: must be 2 here (got 3)",
    ),
    (
        "stage",
        lambda body: sealed([*body[:2], body[2].replace(b'"exif_analysis"', b'"nowhere"'), *body[3:]]),
        "line 3: stage: must be one of",
    ),
    (
        "progress",
        lambda body: sealed([*body[:2], body[2].replace(b'"progress":30.0', b'"progress":300'), *body[3:]]),
        "line 3: progress: must be from 0 to 100",
    ),
    (
        "field",
        lambda body: sealed([*body[:2], body[2].replace(b'"details":{}', b'"details":{},"more":1'), *body[3:]]),
        "line 3: more: does not belong there",
    ),
    (
        "version",
        lambda body: sealed([*body[:2], body[2].replace(b'"details":{}', b'"details":{},"v":2'), *body[3:]]),
        "line 3: v: does not belong there",
    ),
    (
        "event id",
        lambda body: sealed([*body[:2], body[2].replace(b',"timestamp"', b',"event_id":"e1","timestamp"'), *body[3:]]),
        "line 3: Event 'e1' was recorded before",
    ),
    (
        "time",
        lambda body: sealed([*body[:2], body[2].replace(b"2025-11-09T12:00:01.000000Z", b"yesterday"), *body[3:]]),
        "line 3: is not an event as it is sent",
    ),
    (
        "spaces",
        lambda body: sealed([*body[:2], body[2].replace(b'{"type":', b'{ "type":'), *body[3:]]),
        "line 3: is not an event as it is sent",
    ),
    (
        "buried alive",
        lambda body: sealed(
            [
                body[0].replace(b'"horizon":0', b'"horizon":8'),
                *body[1:-1],
                b'{"pruned_job":"past","pruned_at":"2025-11-09T12:00:01.000000Z","last_position":8}\n',
                body[-1].replace(b'"pruned_jobs":0', b'"pruned_jobs":1'),
            ]
        ),
        "line 12: a pruned job is there twice, or has events",
    ),
]


@pytest.mark.parametrize(("change", "text"), [row[1:] for row in _DAMAGES], ids=[row[0] for row in _DAMAGES])
def test_a_damaged_file_is_one_line_that_says_where_and_leaves_nothing(
    run: Run, tmp_path: Path, change: _Change, text: str
) -> None:
    run("export", "-o", "good.jsonl")
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"".join(change(lines(tmp_path / "good.jsonl"))))
    again = tmp_path / "new" / "folder" / "again.db"
    done = run("import", "bad.jsonl", "--database", str(again))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {text}")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "new").exists()
    as_json = run("import", "bad.jsonl", "--json", "--database", str(again))
    body = json.loads(as_json.stdout)
    assert (as_json.exit_code, body["code"]) == (2, "damaged_export")
    assert f"Error: {body['error']}\n" == done.stderr
    assert body["error"].startswith(f"line {body['line']}: ")
    # The control: the file that it was made of is taken.
    assert run("import", "good.jsonl", "--database", str(again)).exit_code == 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda text: text[: len(text) // 2], "the compressed file is cut short here"),
        (lambda text: text[:40] + bytes([text[40] ^ 8]) + text[41:], "the compressed file is damaged here"),
        (lambda text: text + b"trash", "the compressed file is damaged here"),
    ],
)
def test_a_damaged_compressed_file_too(run: Run, tmp_path: Path, change: Callable[[bytes], bytes], text: str) -> None:
    run("export", "-o", "good.jsonl.zst")
    (tmp_path / "bad.zst").write_bytes(change((tmp_path / "good.jsonl.zst").read_bytes()))
    done = run("import", "bad.zst", "--database", str(tmp_path / "again.db"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert text in done.stderr
    assert list(tmp_path.glob("again.db*")) == []


def test_a_log_with_events_is_not_imported_into_and_stays(run: Run, log: Path) -> None:
    run("export", "-o", "a.jsonl")
    done = run("import", "a.jsonl")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"Error: {log} has events already. Import into a new log: --database FILE names one.\n"
    assert len(events(run("export", "-o", "-").stdout_bytes)) == 10


def test_an_empty_log_is_imported_into_and_stays_empty_when_that_fails(run: Run, tmp_path: Path) -> None:
    run("export", "-o", "a.jsonl")
    empty = str(tmp_path / "empty.db")
    run("migrate", "--database", empty)
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines(tmp_path / "a.jsonl")[:-1]))
    assert run("import", "cut.jsonl", "--database", empty).exit_code == 2
    assert events(run("export", "-o", "-", "--database", empty).stdout_bytes) == []
    assert run("import", "a.jsonl", "--database", empty).exit_code == 0
    assert len(events(run("export", "-o", "-", "--database", empty).stdout_bytes)) == 10


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--since", "11"], 2, "since: is beyond the head of the log, 10 (got 11)"),
        (["--until", "11"], 2, "until: is beyond the head of the log, 10 (got 11)"),
        (["--since", "9", "--until", "7"], 2, "since: is after until: there is nothing between them"),
        (["--since", "last night"], 2, "since: must be a time in ISO 8601 with its zone"),
        (["--redact", "stage"], 2, "redact: is no key whose values can be replaced (got 'stage')"),
        (["nobody"], 1, "Job 'nobody' is not known"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_no_file(
    run: Run, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    done = run("export", *arguments, "-o", "x.jsonl")
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"Error: {text}")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.jsonl").exists()
    assert f"Error: {json.loads(run('export', *arguments, '-o', 'x', '--json').stdout)['error']}\n" == done.stderr


def test_options_that_do_not_go_together_and_files_that_are_not_there(run: Run) -> None:
    assert run("export", "-o", "-", "--json").exit_code == 2
    assert run("export").exit_code == 2
    missing = run("import", "missing.jsonl")
    assert (missing.exit_code, missing.stderr) == (1, "Error: No such file or directory: missing.jsonl\n")
    assert run("export", "-o", "no/such/folder/x.jsonl").exit_code == 1


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_a_full_disk_leaves_what_was_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(b"before")

    def full(file: BinaryIO, lines: Iterable[bytes], *, is_compressed: bool) -> None:
        file.write(next(iter(lines)))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as fault:
        fault.setattr(export_file, "_write_lines", full)
        done = run("export", "-o", name)
    assert (done.exit_code, done.stderr) == (1, "Error: No space left on device\n")
    assert (tmp_path / name).read_bytes() == b"before"
    assert list(tmp_path.glob(".*.part")) == []
    # The control: with room it is written.
    assert run("export", "-o", name).exit_code == 0
    assert (tmp_path / name).read_bytes() != b"before"


def test_a_disk_that_fills_up_on_the_way_leaves_no_log(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("export", "-o", "a.jsonl")
    again = tmp_path / "new" / "again.db"

    def full(loading: Loading, head: object) -> None:
        raise StoreUnavailable("The disk of the log is full. Writing goes on when there is room again.")

    with monkeypatch.context() as fault:
        fault.setattr(Loading, "finish", full)
        done = run("import", "a.jsonl", "--database", str(again))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: The disk of the log is full.")
    assert not again.parent.exists()
    # The control: with room it is there.
    assert run("import", "a.jsonl", "--database", str(again)).exit_code == 0
