"""Sample photos with real EXIF, for those who have no folder of photos at hand."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from api.demo import scenes
from api.demo.errors import DemoError
from api.demo.pillow import ExifTags, Image, ImageChops, ImageFilter, TiffImagePlugin

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = (1200, 800)  # pixels, as seen in landscape format
_SUPERSAMPLED: Final = 2  # drawn larger and reduced: smooth edges
_QUALITY: Final = 88
_THREADS: Final = 2  # Pillow draws without the interpreter's lock; more would only need more memory
_FIRST_TAKEN: Final = datetime(2025, 6, 14, 6, 30)  # EXIF knows no time zone
_TURNED: Final = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class _Camera:
    make: str
    model: str


@dataclass(frozen=True, slots=True)
class _Shot:
    """One photo to take.

    ``shutter`` is in seconds, ``stops`` how far the exposure is off, ``blur`` in pixels, ``noise`` 0 to 1.
    """

    scene: scenes.Scene
    camera: _Camera
    lens: str
    focal: int
    aperture: float
    shutter: str
    iso: int
    upright: bool = False
    orientation: int = 1
    stops: float = 0.0
    blur: float = 0.0
    noise: float = 0.02
    contrast: float = 1.0


_CANON: Final = _Camera("Canon", "Canon EOS R5")
_NIKON: Final = _Camera("NIKON CORPORATION", "NIKON Z 6_2")
_SONY: Final = _Camera("SONY", "ILCE-7M4")
_FUJI: Final = _Camera("FUJIFILM", "X-T5")

_WIDE, _LONG, _MACRO = "RF24-70mm F2.8 L IS USM", "NIKKOR Z 85mm f/1.8 S", "FE 90mm F2.8 Macro G OSS"
_SHORT, _ZOOM = "XF18mmF1.4 R LM WR", "FE 24-105mm F4 G OSS"

_SHOTS: Final = (
    _Shot(scenes.mountains, _CANON, _WIDE, 24, 8.0, "1/250", 100),
    _Shot(scenes.person, _NIKON, _LONG, 85, 1.8, "1/320", 200, upright=True, orientation=6),
    _Shot(scenes.city_night, _SONY, _ZOOM, 35, 4.0, "2/1", 400, noise=0.05),
    _Shot(scenes.sea, _FUJI, _SHORT, 18, 8.0, "1/125", 160),
    _Shot(scenes.person_backlit, _NIKON, _LONG, 85, 2.0, "1/1000", 100),
    _Shot(scenes.flower, _SONY, _MACRO, 90, 4.0, "1/200", 320),
    _Shot(scenes.facade, _CANON, _WIDE, 50, 8.0, "1/400", 100, contrast=1.35),
    _Shot(scenes.fog, _FUJI, _SHORT, 18, 5.6, "1/160", 200, contrast=0.6),
    _Shot(scenes.mountains, _SONY, _ZOOM, 28, 9.0, "1/1000", 100, stops=-2.2),
    _Shot(scenes.person, _CANON, _WIDE, 70, 2.8, "1/60", 800, blur=7.0),
    _Shot(scenes.facade, _FUJI, _SHORT, 18, 5.6, "1/30", 160, upright=True, orientation=8, stops=1.4),
    _Shot(scenes.sea, _CANON, _WIDE, 35, 11.0, "1/60", 100, orientation=3),
    _Shot(scenes.person_backlit, _CANON, _WIDE, 70, 2.8, "1/800", 100, upright=True),
    _Shot(scenes.city_night, _FUJI, _SHORT, 18, 1.4, "1/15", 3200, noise=0.14, upright=True, orientation=6),
    _Shot(scenes.flower, _SONY, _MACRO, 90, 2.8, "1/320", 200, upright=True),
    _Shot(scenes.mountains, _NIKON, "NIKKOR Z 24-70mm f/4 S", 24, 8.0, "1/30", 100, stops=1.5),
    _Shot(scenes.person, _SONY, "FE 85mm F1.8", 85, 1.8, "1/160", 2000, noise=0.08),
    _Shot(scenes.facade, _NIKON, "NIKKOR Z 24-70mm f/4 S", 44, 8.0, "1/500", 100),
    _Shot(scenes.fog, _SONY, _ZOOM, 60, 8.0, "1/100", 200, upright=True, contrast=0.5),
    _Shot(scenes.city_night, _CANON, _WIDE, 24, 2.8, "1/1", 800, blur=3.0),
    _Shot(scenes.flower, _FUJI, "XF80mmF2.8 R LM OIS WR Macro", 80, 4.0, "1/60", 160, blur=5.0),
    _Shot(scenes.sea, _NIKON, "NIKKOR Z 24-70mm f/4 S", 44, 5.6, "1/2000", 100, stops=-1.8),
    _Shot(scenes.person, _FUJI, "XF56mmF1.2 R WR", 56, 1.2, "1/2000", 160, upright=True, orientation=8),
    _Shot(scenes.mountains, _SONY, _ZOOM, 70, 8.0, "1/320", 100, contrast=1.3, upright=True),
)


def make_samples(folder: Path, count: int = 24, *, seed: int = 7, truncated: int = 0) -> list[Path]:
    """Draw ``count`` JPEG files of 1200 x 800 pixels into ``folder``, and give their paths in order.

    The same ``seed`` gives the same files. The last ``truncated`` files are cut off half way, as by an
    interrupted copy, to show how a job fails. Files of an earlier call are overwritten.

    Raises:
        DemoError: If ``folder`` cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_THREADS) as pool:
            paths = list(pool.map(lambda number: _make(folder, number, seed), range(count)))
        for path in paths[count - truncated :]:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    except OSError as error:
        raise DemoError(f"cannot make sample photos: {error}") from error
    return paths


def _make(folder: Path, number: int, seed: int) -> Path:
    shot = _SHOTS[number % len(_SHOTS)]
    rng = random.Random(f"{seed}-{number}")  # noqa: S311  # pictures, not secrets
    path = folder / f"IMG_{number + 1:04}.jpg"
    _stored(shot, _take(shot, rng)).save(path, "JPEG", quality=_QUALITY, exif=_exif(shot, number))
    return path


def _take(shot: _Shot, rng: random.Random) -> Image.Image:
    width, height = SIZE[::-1] if shot.upright else SIZE
    image = shot.scene(rng, (width * _SUPERSAMPLED, height * _SUPERSAMPLED)).reduce(_SUPERSAMPLED)
    if shot.blur:
        image = image.filter(ImageFilter.GaussianBlur(shot.blur))
    return _with_noise(image.point(_tones(shot) * 3), shot.noise, rng)


def _tones(shot: _Shot) -> list[int]:
    def tone(level: int) -> float:
        light: float = (level / 255) ** 2.2 * 2**shot.stops
        seen: float = 255 * min(1.0, light) ** (1 / 2.2)
        return 128 + (seen - 128) * shot.contrast

    return [min(255, max(0, round(tone(level)))) for level in range(256)]


def _with_noise(image: Image.Image, amount: float, rng: random.Random) -> Image.Image:
    grain = Image.frombytes("L", image.size, rng.randbytes(image.width * image.height))
    grain = grain.point([round(128 + (level - 128) * amount) for level in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), 1, -128)


def _stored(shot: _Shot, image: Image.Image) -> Image.Image:
    turn = _TURNED.get(shot.orientation)
    return image if turn is None else image.transpose(turn)


def _exif(shot: _Shot, number: int) -> Image.Exif:
    base, exif = ExifTags.Base, Image.Exif()
    taken = (_FIRST_TAKEN + timedelta(minutes=41 * number)).strftime("%Y:%m:%d %H:%M:%S")
    exif.update({base.Make: shot.camera.make, base.Model: shot.camera.model, base.DateTime: taken})
    exif[base.Orientation] = shot.orientation
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            base.ExposureTime: _rational(shot.shutter),
            base.FNumber: _rational(str(shot.aperture)),
            base.ISOSpeedRatings: shot.iso,
            base.DateTimeOriginal: taken,
            base.FocalLength: _rational(str(shot.focal)),
            base.LensModel: shot.lens,
        }
    )
    return exif


def _rational(value: str) -> TiffImagePlugin.IFDRational:
    fraction = Fraction(value)
    return TiffImagePlugin.IFDRational(fraction.numerator, fraction.denominator)
