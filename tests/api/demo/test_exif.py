from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from api.demo.exif import Exif, read_exif
from api.demo.pillow import careful_pillow

TAG = ExifTags.Base


def written(exif: Image.Exif | bytes) -> Exif:
    """What is read back from a file with this EXIF."""
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    with careful_pillow(), Image.open(file) as image:
        return read_exif(image)


def with_tags(base: dict[int, Any] | None = None, camera: dict[int, Any] | None = None) -> Exif:
    exif = Image.Exif()
    exif.update(base or {})
    exif.get_ifd(ExifTags.IFD.Exif).update(camera or {})
    return written(exif)


def test_reads_the_settings_of_a_camera() -> None:
    exif = with_tags(
        {TAG.Make: "Canon", TAG.Model: "Canon EOS R5", TAG.Orientation: 6},
        {
            TAG.FNumber: IFDRational(28, 10),
            TAG.ExposureTime: IFDRational(1, 250),
            TAG.ISOSpeedRatings: 800,
            TAG.FocalLength: IFDRational(85),
            TAG.DateTimeOriginal: "2025:06:14 09:30:00",
        },
    )
    assert exif.as_json() == {
        "camera_make": "Canon",
        "camera_model": "Canon EOS R5",
        "orientation": 6,
        "aperture": 2.8,
        "exposure_time": 0.004,
        "shutter_speed": "1/250",
        "iso": 800,
        "focal_length": 85.0,
        "taken_at": "2025-06-14T09:30:00",
    }
    assert exif.summary == "Canon EOS R5, 85 mm, f/2.8, 1/250 s, ISO 800"


def test_a_file_without_exif_has_no_settings() -> None:
    assert written(Image.Exif()) == Exif()
    assert Exif().summary == "No camera settings in this file"


def test_a_zero_denominator_is_no_number() -> None:
    exif = with_tags(camera={TAG.FNumber: IFDRational(28, 0), TAG.ExposureTime: IFDRational(0, 0)})
    assert exif.aperture is None
    assert exif.shutter_speed is None
    assert exif.light_value is None


def test_nul_control_and_direction_characters_do_not_get_through() -> None:
    exif = with_tags({TAG.Make: "Can\x1b[31mon\r\nX", TAG.Model: "R5\0\0garbage"})
    assert exif.camera_make == "Can [31mon  X"
    assert exif.camera_model == "R5"


def test_long_text_is_cut() -> None:
    make = with_tags({TAG.Make: "x" * 60_000}).camera_make
    assert make is not None
    assert len(make) == 80


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    assert with_tags({TAG.Orientation: orientation}).orientation == 1


@pytest.mark.parametrize("taken", ["yesterday", "2025:02:30 10:00:00", "0000:00:00 00:00:00", "2025:06:14"])
def test_a_time_that_is_none_is_left_out(taken: str) -> None:
    assert with_tags(camera={TAG.DateTimeOriginal: taken}).taken_at is None


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.004, "1/250"), (0.3, "1/3"), (0.4, "0.4"), (2.5, "2.5"), (30.0, "30")]
)
def test_shutter_speeds_are_written_as_photographers_do(seconds: float, shown: str) -> None:
    assert Exif(exposure_time=seconds).shutter_speed == shown


def test_the_light_value_of_a_sunny_day_is_about_15() -> None:
    assert Exif(iso=100, aperture=16.0, exposure_time=1 / 125).light_value == pytest.approx(15, abs=0.1)


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=400))
def test_no_exif_can_break_the_reading(noise: bytes) -> None:
    json.dumps(written(b"Exif\0\0" + noise).as_json(), allow_nan=False)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 14), st.integers(0, 2**32 - 1)), max_size=12))
def test_no_directory_of_wild_entries_can_break_the_reading(entries: list[tuple[int, int, int]]) -> None:
    tags = [TAG.Make, TAG.Orientation, 0x8769, TAG.ExposureTime, TAG.ISOSpeedRatings, 0x8825]
    body = b"".join(
        tags[tag % len(tags)].to_bytes(2, "little") + kind.to_bytes(2, "little") + (1).to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, value in entries
    )  # fmt: skip
    exif = b"Exif\0\0II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little") + body + bytes(4)
    json.dumps(written(exif).as_json(), allow_nan=False)
