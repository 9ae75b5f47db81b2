"""What a process leaves, the next one finds."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tracker.remote import spool as spool_module
from tracker.remote.records import HEADER
from tracker.remote.spool import Spool, spool_folder


def texts(first: int, count: int) -> list[bytes]:
    return [b"event %d" % number for number in range(first, first + count)]


def left(folder: Path) -> list[bytes]:
    """What a reporter that starts now finds."""
    found = Spool(folder)
    events = [text for segment in found.adopt() for text in segment]
    found.close()
    return events


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def abandon(spool: Spool) -> None:
    """As the end of the process does: the lock goes, the files stay."""
    spool._close_file()
    spool._lock.release()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_what_was_not_delivered_is_found_in_order(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    spool.append(texts(3, 2))
    abandon(spool)
    assert left(folder) == texts(0, 5)


def test_what_was_delivered_is_gone(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    spool.delivered(3)
    spool.append(texts(3, 2))
    abandon(spool)
    assert left(folder) == texts(3, 2)


def test_what_is_partly_delivered_is_found_whole(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    spool.delivered(2)
    abandon(spool)
    assert left(folder) == texts(0, 3), "the server knows the first two by their event_id"


def test_a_reporter_that_lives_is_left_alone(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    assert left(folder) == []
    spool.close()
    assert left(folder) == texts(0, 3)


def test_segments_go_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "_SEGMENT_BYTES", 100)
    spool = Spool(folder)
    for first in range(0, 40, 4):
        spool.append(texts(first, 4))
    count = len(files(folder))
    assert count > 3
    spool.delivered(20)
    assert 0 < len(files(folder)) < count
    spool.delivered(20)
    assert [path.stat().st_size for path in files(folder)] in ([], [len(HEADER)])
    spool.close()
    assert list(folder.iterdir()) == []


def test_adopted_events_are_counted_before_those_that_follow(folder: Path) -> None:
    first = Spool(folder)
    first.append(texts(0, 3))
    abandon(first)
    second = Spool(folder)
    assert [text for segment in second.adopt() for text in segment] == texts(0, 3)
    second.append(texts(3, 2))
    second.delivered(3)
    abandon(second)
    for lock in second._adopted_locks:
        lock.release()
    assert left(folder) == texts(3, 2)


def test_a_file_that_was_cut_gives_its_whole_events_and_says_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    abandon(spool)
    (path,) = files(folder)
    path.write_bytes(path.read_bytes()[:-1])
    assert left(folder) == texts(0, 2)
    assert "was cut" in caplog.text


def test_a_file_of_another_version_is_kept_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    path = folder / "abc-00000000.spool"
    path.write_bytes(b"jobreel spool 9\nwhatever")
    assert left(folder) == []
    assert path.read_bytes() == b"jobreel spool 9\nwhatever"
    assert str(path) in caplog.text


def test_a_write_that_fails_leaves_no_half_event_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 2))
    whole = spool_module._write

    def half(file: object, data: bytes) -> None:
        os.write(file.fileno(), data[: len(data) // 2])  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "_write", half)
    with pytest.raises(OSError, match="space"):
        spool.append(texts(2, 5))
    monkeypatch.setattr(spool_module, "_write", whole)
    spool.append(texts(7, 2))
    abandon(spool)
    assert left(folder) == [*texts(0, 2), *texts(7, 2)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_nobody_else_reads_what_is_spooled(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 1))
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o077 for path in files(folder)] == [0]
    spool.close()


def test_each_server_has_a_folder_of_its_own(folder: Path) -> None:
    assert spool_folder(folder, "http://a") != spool_folder(folder, "http://b")


def test_an_idle_spool_is_not_made_anew_for_each_batch(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    spool = Spool(folder)
    for number in range(100):
        spool.append(texts(number, 1))
        spool.delivered(1)
    assert [path.stat().st_size for path in files(folder)] == [len(HEADER)]
    assert files(folder)[0].name.endswith("-00000000.spool")
    spool.close()
    assert list(folder.iterdir()) == []


def test_a_file_of_which_a_loss_of_power_left_zeros_is_cleared_away(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(folder)
    spool.append(texts(0, 3))
    abandon(spool)
    (path,) = files(folder)
    path.write_bytes(bytes(path.stat().st_size))
    with caplog.at_level(logging.WARNING):
        assert left(folder) == []
    assert "no whole event" in caplog.text
    assert files(folder) == []
