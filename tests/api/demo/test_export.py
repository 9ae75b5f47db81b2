from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from api.demo import DemoError
from api.demo.errors import PhotoProblem
from api.demo.export import export_names, prepare_output, write_jpeg

IMAGE = Image.new("RGB", (20, 10))


def test_results_of_photos_of_the_same_name_do_not_meet() -> None:
    photos = [Path(name) for name in ("a/x.jpg", "b/x.jpg", "x.png", "X.jpg", "x-2.jpg")]
    assert export_names(photos) == ["x.jpg", "x-2.jpg", "x-3.jpg", "X-4.jpg", "x-2-2.jpg"]


def test_names_are_made_harmless() -> None:
    photos = [Path("a\nb?.jpg"), Path("..\\up.jpg"), Path("x" * 200 + ".jpg"), Path("\udce9.jpg"), Path(" .jpg")]
    first, second, third, fourth, fifth = export_names(photos)
    assert (first, second, fourth, fifth) == ("a b_.jpg", "_up.jpg", "\ufffd.jpg", "photo.jpg")
    assert len(third) == 54


def test_a_result_replaces_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "x.jpg"
    target.write_text("before")
    size = write_jpeg(IMAGE, target, part_name="job", icc_profile=b"profile")
    assert target.stat().st_size == size
    with Image.open(target) as image:
        assert (image.format, image.size, image.info["icc_profile"]) == ("JPEG", (20, 10), b"profile")
    assert list(tmp_path.iterdir()) == [target]


def test_a_result_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "x.jpg"
    target.write_text("before")
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(PhotoProblem, match="No space left on device") as caught:
        write_jpeg(IMAGE, target, part_name="job", icc_profile=None)
    assert caught.value.error_type == "export_failed"
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_the_folder_of_the_photos_is_refused_as_output(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to("photos")
    photos = [tmp_path / "photos" / "x.jpg"]
    for output in (tmp_path / "photos", tmp_path / "link", tmp_path / "photos" / ".." / "photos"):
        with pytest.raises(DemoError, match="holds the photos themselves"):
            prepare_output(output, photos)
    prepare_output(tmp_path / "photos" / "results", photos)
    assert (tmp_path / "photos" / "results").is_dir()


def test_an_output_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match=r"cannot use .* as the output folder"):
        prepare_output(tmp_path / "file", [])
