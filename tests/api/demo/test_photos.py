from __future__ import annotations

import os
from pathlib import Path

import pytest

from api.demo import DemoError, default_output, find_photos


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path, output: Path | None = None) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_photos(folder, output=output)]


def test_photos_of_all_folders_are_found_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "2024/june/c.tiff", "notes.txt", "raw.cr3")
    assert found(tmp_path) == ["2024/june/c.tiff", "a.png", "b.JPG"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".b.jpg", ".cache/c.jpg")
    assert found(tmp_path) == ["a.jpg"]


def test_results_of_an_earlier_run_are_no_photos(tmp_path: Path) -> None:
    output = tmp_path / "mine"
    touch(tmp_path, "a.jpg", "mine/a.jpg", "below/jobreel-export/a.jpg", default_output(tmp_path).name + "/a.jpg")
    assert found(tmp_path, output) == ["a.jpg"]


def test_folders_reached_by_links_are_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "again").symlink_to(tmp_path)
    assert found(tmp_path) == ["a.jpg"]


def test_what_only_looks_like_a_photo_is_found_so_that_it_can_fail(tmp_path: Path) -> None:
    touch(tmp_path, "folder.jpg/inside.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    assert found(tmp_path) == ["folder.jpg", "gone.jpg"]


def test_names_that_are_no_unicode_are_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    assert len(find_photos(tmp_path)) == 1


def test_without_photos_there_is_a_clear_error(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", "file")
    with pytest.raises(DemoError, match=r"no photos in .* jpeg, jpg, png"):
        find_photos(tmp_path)
    with pytest.raises(DemoError, match="no such folder"):
        find_photos(tmp_path / "nowhere")
    with pytest.raises(DemoError, match="not a folder"):
        find_photos(tmp_path / "file")


def test_a_folder_that_may_not_be_read_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("api.demo.photos.os.scandir", refuse)
    with pytest.raises(DemoError, match=r"cannot read the folder .*: Permission denied"):
        find_photos(tmp_path)
