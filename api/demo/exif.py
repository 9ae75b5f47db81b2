"""EXIF of an image as a few plain, checked values. Whatever is odd is left out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from api.demo.pillow import DAMAGED, ExifTags
from api.demo.text import as_printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.demo.pillow import Image

_TEXT_LIMIT: Final = 80  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Exif:
    """What the camera wrote; ``None`` where it wrote nothing that makes sense.

    ``aperture`` is the f-number, ``exposure_time`` is in seconds, ``focal_length`` in millimetres,
    ``taken_at`` ISO 8601 in the camera's own local time, ``orientation`` 1 to 8. Location is never read.
    """

    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    iso: int | None = None
    aperture: float | None = None
    exposure_time: float | None = None
    focal_length: float | None = None
    taken_at: str | None = None
    orientation: int = 1

    @property
    def shutter_speed(self) -> str | None:
        """``exposure_time`` as photographers write it: ``1/250`` or ``2.5``."""
        if self.exposure_time is None:
            return None
        if self.exposure_time < 0.4:
            return f"1/{round(1 / self.exposure_time)}"
        return f"{self.exposure_time:.3g}"

    @property
    def light_value(self) -> float | None:
        """Exposure value at ISO 100: about 15 in sunshine, 6 in a room, below 3 at night."""
        if self.iso is None or self.aperture is None or self.exposure_time is None:
            return None
        return round(math.log2(self.aperture**2 / self.exposure_time) - math.log2(self.iso / 100), 1)

    @property
    def summary(self) -> str:
        """One line for people, such as ``Canon EOS R5, 85 mm, f/2.8, 1/250 s, ISO 800``."""
        parts = (
            self.camera_model or self.camera_make,
            f"{self.focal_length:g} mm" if self.focal_length else None,
            f"f/{self.aperture:g}" if self.aperture else None,
            f"{self.shutter_speed} s" if self.shutter_speed else None,
            f"ISO {self.iso}" if self.iso else None,
        )
        return ", ".join(part for part in parts if part) or "No camera settings in this file"

    def as_json(self) -> dict[str, Any]:
        """What is known, as JSON values; what is not known is absent."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        known["shutter_speed"] = self.shutter_speed
        return {name: value for name, value in known.items() if value is not None}


def read_exif(image: Image.Image) -> Exif:
    """The EXIF of an opened image. Never raises on damaged metadata: what cannot be read is left out."""
    return _parse(_tags(image))


def _tags(image: Image.Image) -> dict[int, Any]:
    tags: dict[int, Any] = {}
    try:
        exif = image.getexif()
        tags.update(exif)
        tags.update(exif.get_ifd(ExifTags.IFD.Exif))
    except DAMAGED:
        # The half that could be read is still worth having.
        return tags
    return tags


def _parse(tags: Mapping[int, Any]) -> Exif:
    base = ExifTags.Base
    iso = _number(tags.get(base.ISOSpeedRatings), 1, 10_000_000)
    return Exif(
        camera_make=_text(tags.get(base.Make)),
        camera_model=_text(tags.get(base.Model)),
        lens=_text(tags.get(base.LensModel)),
        iso=None if iso is None else int(iso),
        aperture=_number(tags.get(base.FNumber), 0.5, 256),
        exposure_time=_number(tags.get(base.ExposureTime), 1e-6, 100_000),
        focal_length=_number(tags.get(base.FocalLength), 0.5, 10_000),
        taken_at=_time(tags.get(base.DateTimeOriginal)),
        orientation=int(_number(tags.get(base.Orientation), 1, 8) or 1),
    )


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    # Fixed-width fields are padded with NULs; what follows the first one is not part of the text.
    return as_printable(value.split("\0")[0], _TEXT_LIMIT) or None if isinstance(value, str) else None


def _number(value: object, least: float, most: float) -> float | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever the file holds
    except (TypeError, ValueError, ArithmeticError):
        return None
    return round(number, 6) if math.isfinite(number) and least <= number <= most else None


def _time(value: object) -> str | None:
    text = _text(value)
    if text is None or not re.fullmatch(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", text, re.ASCII):
        return None
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return None
