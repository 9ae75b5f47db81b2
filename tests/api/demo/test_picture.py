from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from api.demo.errors import PhotoProblem
from api.demo.picture import decode
from api.demo.pillow import careful_pillow


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(mode: str) -> Image.Image:
    return Image.linear_gradient("L").convert(mode)


def animated() -> bytes:
    frames = [Image.new("P", (30, 20), colour) for colour in (1, 2, 3)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def sixteen_bits() -> Image.Image:
    image = Image.new("I;16", (256, 2))
    image.putdata([257 * level for level in range(256)] * 2)
    return image


ODD: dict[str, Callable[[], bytes]] = {
    "CMYK JPEG": lambda: saved(grey("RGB").convert("CMYK"), "JPEG"),
    "grey JPEG": lambda: saved(grey("L"), "JPEG"),
    "16-bit PNG": lambda: saved(sixteen_bits(), "PNG"),
    "16-bit TIFF": lambda: saved(sixteen_bits(), "TIFF"),
    "float TIFF": lambda: saved(grey("F"), "TIFF"),
    "32-bit TIFF": lambda: saved(grey("I"), "TIFF"),
    "1-bit PNG": lambda: saved(grey("1"), "PNG"),
    "palette PNG": lambda: saved(grey("P"), "PNG"),
    "transparent palette PNG": lambda: saved(grey("P"), "PNG", transparency=0),
    "grey with alpha PNG": lambda: saved(grey("LA"), "PNG"),
    "RGBA PNG": lambda: saved(grey("RGBA"), "PNG"),
    "RGBA WebP": lambda: saved(grey("RGBA"), "WEBP"),
    "LAB TIFF": lambda: saved(Image.new("LAB", (20, 20)), "TIFF"),
    "BMP": lambda: saved(grey("RGB"), "BMP"),
    "animated GIF": animated,
    "one pixel": lambda: saved(Image.new("RGB", (1, 1)), "PNG"),
    "one row": lambda: saved(Image.new("RGB", (9000, 1)), "PNG"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_images_become_rgb_of_a_workable_size(name: str) -> None:
    image = decode(ODD[name]()).image
    assert image.mode == "RGB"
    assert 0 < max(image.size) <= 2048


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_keep_their_tones(kind: str) -> None:
    image = decode(saved(sixteen_bits(), kind)).image
    assert [image.getpixel((level, 0)) for level in (0, 128, 255)] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_what_is_transparent_becomes_white() -> None:
    assert decode(saved(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG")).image.getpixel((0, 0)) == (255, 255, 255)


def test_a_large_photo_is_worked_on_at_2048_pixels_and_remembers_its_size() -> None:
    picture = decode(saved(Image.new("RGB", (5000, 2500)), "JPEG"))
    assert (picture.width, picture.height) == (5000, 2500)
    assert picture.image.size == (2048, 1024)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (59, 39)), (6, (39, 0)), (8, (0, 59))])
def test_pictures_are_turned_upright_once(kind: str, orientation: int, corner: tuple[int, int]) -> None:
    image, exif = Image.new("RGB", (60, 40), "black"), Image.Exif()
    image.paste("white", (0, 0, 16, 16))
    exif[ExifTags.Base.Orientation] = orientation
    picture = decode(saved(image, kind, exif=exif))
    pixel = picture.image.getpixel(corner)
    assert isinstance(pixel, tuple)
    assert min(pixel) > 200


def test_the_colour_profile_of_rgb_is_kept_and_of_cmyk_is_not() -> None:
    assert decode(saved(grey("RGB"), "JPEG", icc_profile=b"profile")).icc_profile == b"profile"
    assert decode(saved(grey("RGB").convert("CMYK"), "JPEG", icc_profile=b"profile")).icc_profile is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"])
def test_an_image_cut_anywhere_fails_as_damaged_and_in_no_other_way(kind: str, photo: Path) -> None:
    with Image.open(photo) as image:
        data = saved(image.resize((120, 80)), kind)
    for end in range(1, len(data) * 9 // 10, max(1, len(data) // 40)):
        with careful_pillow(), pytest.raises(PhotoProblem) as caught:
            decode(data[:end])
        assert caught.value.error_type in {"truncated_image", "damaged_image", "not_an_image"}


def test_formats_that_run_other_programs_are_no_images() -> None:
    with pytest.raises(PhotoProblem) as caught:
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    assert caught.value.error_type == "not_an_image"
