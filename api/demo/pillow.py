"""The one door to Pillow: without it, one clear error; with it, the limits of the demo."""

from __future__ import annotations

import struct
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api.demo.errors import DemoError

try:
    from PIL import (
        ExifTags,
        Image,
        ImageChops,
        ImageDraw,
        ImageEnhance,
        ImageFilter,
        ImageOps,
        ImageStat,
        TiffImagePlugin,
        UnidentifiedImageError,
    )
except ImportError as error:
    raise DemoError("the demo needs Pillow: pip install 'jobreel[demo]'") from error

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ExifTags",
    "Image",
    "ImageChops",
    "ImageDraw",
    "ImageEnhance",
    "ImageFilter",
    "ImageOps",
    "ImageStat",
    "TiffImagePlugin",
    "UnidentifiedImageError",
    "DAMAGED",
    "FORMATS",
    "MAX_PIXELS",
    "careful_pillow",
]

MAX_PIXELS: Final = 160_000_000  # pixels; the largest camera sensors have 151 million
FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")
# What Pillow has been seen to raise on files that are damaged, or were made to hurt.
DAMAGED: Final = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error, EOFError,
)  # fmt: skip


@contextmanager
def careful_pillow() -> Iterator[None]:
    """Within it, more than ``MAX_PIXELS`` is an error, and Pillow's other warnings are silent.

    Changes settings of the whole process and puts them back: enter it in one thread, around all workers.
    """
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            # Damaged metadata warns; on the terminal that would tear the live bars apart.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
