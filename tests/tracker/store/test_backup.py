from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from tests.builders import completed, progressed, started
from tests.tracker.doubles import WAIT
from tracker.errors import StoreError
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.store import back_up, open_snapshot, open_store
from tracker.store.snapshot import Snapshot


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_a_backup_that_is_made_while_others_write_is_the_log_of_one_moment(settings: Settings, tmp_path: Path) -> None:
    over = threading.Event()
    with Tracker(settings) as node:
        node.recorder.record(started("a")).wait(WAIT)

        def write() -> None:
            step = 0
            while not over.is_set():
                step += 1
                node.recorder.record(progressed("a", step % 100)).wait(WAIT)

        writing = threading.Thread(target=write)
        writing.start()
        heads = [back_up(settings.database_url, tmp_path / f"{number}.db") for number in range(5)]
        over.set()
        writing.join(WAIT)
        node.recorder.flush(WAIT)
        last = node.recorder.ask(lambda writer: writer.head())
    assert sorted({head.position for head in heads}) == [head.position for head in heads]
    assert len({last.epoch, *(head.epoch for head in heads)}) == 6  # each its own
    for number, head in enumerate(heads):
        with open_snapshot(f"sqlite:///{tmp_path.as_posix()}/{number}.db") as copy:
            assert (copy.head, list(copy.faults())) == (head, [])
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_can_be_written_on(database_url: str, tmp_path: Path) -> None:
    with Tracker(Settings(database_url=database_url)) as node:
        node.recorder.record(started("a"), progressed("a")).wait(WAIT)
    back_up(database_url, tmp_path / "backup.db")
    with Tracker(Settings(database_url=f"sqlite:///{tmp_path.as_posix()}/backup.db")) as node:
        assert node.recorder.record(completed("a")).wait(WAIT) == 3


def test_what_is_not_sound_is_not_kept(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Snapshot, "faults", lambda _: iter(["Job 'a' is not what its events say."]))
    with pytest.raises(StoreError, match="is not what its events say"):
        back_up(database_url, tmp_path / "backup.db")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []


def test_a_file_that_is_there_stays(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("mine")
    with pytest.raises(StoreError, match="There is a file"):
        back_up(database_url, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "mine"


def test_a_folder_that_is_not_there_is_named(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no folder"):
        back_up(database_url, tmp_path / "nowhere" / "backup.db")


def test_a_server_has_its_own_tools(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        back_up(postgres_url, tmp_path / "backup.db")


def test_the_command(database_url: str, tmp_path: Path) -> None:
    open_store(database_url).close()
    target = tmp_path / "it's a backup.db"
    done = CliRunner().invoke(tracker, ["--database", str(_path(database_url)), "backup", str(target)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Backed up the log to {target} (")
    told = json.loads(
        CliRunner()
        .invoke(tracker, ["--database", str(_path(database_url)), "backup", "--json", str(tmp_path / "b.db")])
        .stdout
    )
    assert (told["success"], told["position"]) == (True, 0)
