from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracker import durable_names
from tracker.durable_names import make_folder, rename, sync_folder

_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows syncs no folder")


class _Failing:
    """A sync that fails."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.descriptors: list[int] = []

    def __call__(self, descriptor: int) -> None:
        self.descriptors.append(descriptor)
        raise OSError(self._number, os.strerror(self._number))


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    monkeypatch.setattr(durable_names, "sync_folder", found.append)
    return found


def test_the_name_of_each_folder_that_is_made_is_synced_and_of_no_other(tmp_path: Path, synced: list[Path]) -> None:
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert sorted(synced) == [tmp_path, tmp_path / "a"]
    synced.clear()
    make_folder(tmp_path / "a" / "c")
    assert synced == [tmp_path / "a"]
    make_folder(tmp_path / "a" / "c")
    assert synced == [tmp_path / "a"]


def test_a_new_name_is_synced_once_the_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text("new text")
    (tmp_path / "new").write_text("old text")
    synced: list[str] = []
    monkeypatch.setattr(durable_names, "sync_folder", lambda folder: synced.append((folder / "new").read_text()))
    rename(tmp_path / "old", tmp_path / "new")
    assert synced == ["new text"]
    assert not (tmp_path / "old").exists()


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


@_POSIX
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_where_folders_cannot_be_synced_they_are_not(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _Failing(number))
    sync_folder(tmp_path)


@_POSIX
def test_a_disk_that_fails_is_told_and_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = _Failing(errno.EIO)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(failing.descriptors[0])


def test_on_windows_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable_names, "sys", SimpleNamespace(platform="win32"))
    sync_folder(tmp_path / "not there")
