"""``kill -9`` while a log is imported: all of it is there, or nothing, and nobody who comes later is in the way."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import pytest

from tests.builders import NOON, SECOND, appends, completed, error, progressed, started
from tracker.errors import LogNotEmpty
from tracker.export_file import write
from tracker.exporting import Export, Selection
from tracker.importing import import_file
from tracker.store import open_snapshot, open_store

_ROOT = Path(__file__).resolve().parents[2]
_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_KILLS = 60 if _LONG else 4
_JOBS, _UPDATES = 200, 20
_PATIENCE_SECONDS = 30
_LEFT = {"log.db", "log.db.owner"}  # of a log that nobody has open


def _url(path: Path) -> str:
    return f"sqlite:///{path.as_posix()}"


def _lines(path: Path) -> list[bytes]:
    with open_snapshot(_url(path)) as log:
        return list(Export(log, Selection()).lines())


def _text(exported: Path) -> list[bytes]:
    return exported.read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of 4,420 events, and a pruned job."""
    folder = tmp_path_factory.mktemp("exported")
    store = open_store(_url(folder / "log.db"))
    store.writer.append(appends(started("old"), completed("old"), at=NOON - 60 * SECOND))
    store.writer.prune(NOON - SECOND, NOON, 100)
    for number in range(_JOBS):
        job = f"job_{number}"
        updates = [progressed(job, done, message="Läuft “gut”") for done in range(_UPDATES)]
        end = [error(job, error_message="No space left")] if number % 10 == 0 else []
        store.writer.append(appends(started(job), *updates, *end, completed(job)))
    store.close()
    write(folder / "export.jsonl", _lines(folder / "log.db"))
    return folder / "export.jsonl"


@contextmanager
def _tracker(log: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tracker", "--database", str(log), *args]
    # The events are of long ago: a server would prune them.
    environ = {**os.environ, "TRACKER_KEEP_FOR_SECONDS": "1000w"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _seconds(exported: Path, log: Path) -> float:
    """How long an import takes from the making of its file on."""
    with _tracker(log, "import", str(exported)) as process:
        _wait_for(log)
        begun = time.monotonic()
        assert process.wait(_PATIENCE_SECONDS) == 0
        return time.monotonic() - begun


def _head(log: Path) -> int:
    """The head of the log that was left, as whoever writes it next finds it."""
    store = open_store(_url(log))
    try:
        return store.writer.head().position
    finally:
        store.close()


def _serve_once(log: Path) -> None:
    with _tracker(log, "serve", "--port", "0") as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        with urllib.request.urlopen(f"{found[0]}/readyz", timeout=_PATIENCE_SECONDS) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(_PATIENCE_SECONDS) == 0


def _visit(log: Path, visitor: str, whole: int) -> None:
    """Open what was left, before it is imported again."""
    match visitor:
        case "writer":
            assert _head(log) in (0, whole)
        case "server":
            _serve_once(log)


def test_an_import_that_is_killed_at_any_instant_is_in_nobodys_way(exported: Path, tmp_path: Path) -> None:
    expected, instants = _text(exported), random.Random(175)
    seconds = _seconds(exported, tmp_path / "whole.db")
    whole = _head(tmp_path / "whole.db")
    codes = []
    for kill, visitor in zip(range(_KILLS), cycle(["server", "nobody", "writer", "nobody"])):
        log = tmp_path / f"{kill}" / "log.db"
        with _tracker(log, "import", str(exported)) as process:
            _wait_for(log)
            time.sleep(instants.uniform(0, 1.1) * seconds)
            process.kill()
        codes.append(process.returncode)
        _visit(log, visitor, whole)
        with suppress(LogNotEmpty):  # it was whole
            import_file(exported, _url(log))
        assert {path.name for path in log.parent.iterdir()} == _LEFT
        assert _lines(log) == expected
    assert any(codes), "none of the kills came in time"


def test_what_is_said_to_be_imported_is_there_after_a_kill(exported: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    with _tracker(log, "import", str(exported)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Imported ")
        process.kill()
    assert _lines(log) == _text(exported)
    with pytest.raises(LogNotEmpty):
        import_file(exported, _url(log))
