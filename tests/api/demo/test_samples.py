from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from api.demo import DemoError, make_samples
from api.demo.evaluation import evaluate
from api.demo.exif import read_exif
from api.demo.picture import decode


def test_every_sample_has_the_settings_of_a_camera(samples: list[Path]) -> None:
    for sample in samples:
        exif = decode(sample.read_bytes()).exif.as_json()
        assert exif.keys() == {
            "camera_make", "camera_model", "lens", "iso", "aperture", "exposure_time", "shutter_speed",
            "focal_length", "taken_at", "orientation",
        }  # fmt: skip


def test_samples_differ_in_camera_format_orientation_and_pixels(samples: list[Path]) -> None:
    pictures = [decode(sample.read_bytes()) for sample in samples]
    assert len({picture.exif.camera_model for picture in pictures}) == 4
    assert {picture.exif.orientation for picture in pictures} == {1, 3, 6, 8}
    assert {picture.image.width > picture.image.height for picture in pictures} == {True, False}
    assert len({sample.read_bytes() for sample in samples}) == 24


def test_samples_are_sharp_and_blurred_dark_and_bright(samples: list[Path]) -> None:
    measured = [evaluate(decode(sample.read_bytes()).image) for sample in samples]
    assert {"underexposed", "balanced", "overexposed"} == {one.exposure for one in measured}
    assert min(one.focus_score for one in measured) < 1.5
    assert max(one.focus_score for one in measured) > 4.5
    assert max(one.contrast for one in measured) > 3 * min(one.contrast for one in measured)


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    first, same, other = (make_samples(tmp_path / name, 2, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in same]
    assert first[0].read_bytes() != other[0].read_bytes()


def test_more_samples_than_kinds_of_shot_are_still_all_different(tmp_path: Path) -> None:
    made = make_samples(tmp_path, 25)
    assert made[0].read_bytes() != made[24].read_bytes()


def test_only_the_last_samples_are_cut_off_when_asked(tmp_path: Path) -> None:
    whole, cut = make_samples(tmp_path, 2, truncated=1)
    with Image.open(whole) as image:
        image.load()
        assert read_exif(image).camera_make
    with Image.open(cut) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match="cannot make sample photos"):
        make_samples(tmp_path / "file" / "samples", 1)
