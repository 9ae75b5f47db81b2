"""A photo's bytes as pixels: identified, checked, decoded, upright and in RGB."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from api.demo.errors import PhotoProblem
from api.demo.exif import Exif, read_exif
from api.demo.pillow import DAMAGED, FORMATS, MAX_PIXELS, Image, UnidentifiedImageError
from api.demo.text import as_printable

WORKING_EDGE: Final = 2048  # pixels, the longer side
_MOST_PROFILE_BYTES: Final = 4 * 1024 * 1024
_STARTS: Final = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded photo.

    ``image`` is upright RGB with at most 2048 pixels on its longer side; ``width`` and ``height`` are those
    of the file, in pixels, as stored. Of an animation it is the first frame.
    """

    image: Image.Image
    exif: Exif
    format: str
    width: int
    height: int
    icc_profile: bytes | None


def decode(data: bytes) -> Picture:
    """Decode a photo.

    Raises:
        PhotoProblem: ``not_an_image``, ``truncated_image``, ``damaged_image``, ``too_large`` or
            ``unsupported_image``.
    """
    with _identify(data) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(f"{image.width} x {image.height} pixels")
        return _decode(image)


def _identify(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large("too many pixels") from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except DAMAGED as error:
        raise _damaged(error) from error


def _decode(image: Image.Image) -> Picture:
    width, height, profile = image.width, image.height, _profile(image)
    # Metadata comes after the pixels: PNG looks for it behind them, and would hide that they are damaged;
    # TIFF turns itself upright while loading, and says so.
    _load(image)
    exif = read_exif(image)
    pixels, turn = _as_rgb(image), _UPRIGHT.get(exif.orientation)
    return Picture(
        image=pixels if turn is None else pixels.transpose(turn),
        exif=exif,
        format=image.format or "unknown",
        width=width,
        height=height,
        icc_profile=profile,
    )


def _profile(image: Image.Image) -> bytes | None:
    # Of other modes the colours are converted, and their profile would no longer fit.
    profile = image.info.get("icc_profile") if image.mode == "RGB" else None
    return profile if isinstance(profile, bytes) and len(profile) <= _MOST_PROFILE_BYTES else None


def _load(image: Image.Image) -> None:
    try:
        # JPEG can decode straight to a smaller size: a fraction of the time and memory.
        image.draft("", (WORKING_EDGE, WORKING_EDGE))
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise _too_large("more pixels than fit in memory") from error
    except DAMAGED as error:
        raise _damaged(error) from error


def _as_rgb(image: Image.Image) -> Image.Image:
    try:
        small = _small(_as_8_bit(image))
        if not small.has_transparency_data:
            return small.convert("RGB")
        paper = Image.new("RGBA", small.size, "white")
        return Image.alpha_composite(paper, small.convert("RGBA")).convert("RGB")
    except MemoryError as error:
        raise _too_large("more pixels than fit in memory") from error
    except (ValueError, KeyError) as error:
        raise PhotoProblem(
            "unsupported_image", f"Images of mode {image.mode} are not supported.", mode=image.mode
        ) from error


def _small(image: Image.Image) -> Image.Image:
    scale = WORKING_EDGE / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def _as_8_bit(image: Image.Image) -> Image.Image:
    # Before any resizing: 16 bits and floats have none of their own, and palette entries cannot be averaged.
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 257) + 0).convert("L")
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.mode in ("1", "P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _stretched(image: Image.Image) -> Image.Image:
    lowest, highest = _extrema(image)
    if not highest > lowest:
        return Image.new("L", image.size, 0)
    scale = 255 / (highest - lowest)
    return image.point(lambda value: value * scale + -lowest * scale).convert("L")


def _extrema(image: Image.Image) -> tuple[float, float]:
    match image.getextrema():
        case (int() | float()) as lowest, (int() | float()) as highest:
            return float(lowest), float(highest)
        case _:
            return 0.0, 0.0


def _too_large(what: str) -> PhotoProblem:
    return PhotoProblem("too_large", f"The image is too large: {what} (at most {MAX_PIXELS // 10**6} megapixels).")


def _unidentified(data: bytes) -> PhotoProblem:
    kind = next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)
    if kind is None:
        return PhotoProblem("not_an_image", "The file is not an image of a kind that can be read.")
    return PhotoProblem("damaged_image", f"The file begins like a {kind} image, but cannot be read as one.")


def _damaged(error: Exception) -> PhotoProblem:
    reason = as_printable(str(error)) or type(error).__name__
    if "truncated" in reason.lower():
        return PhotoProblem("truncated_image", "The image ends too early: the file is cut short.", reason=reason)
    return PhotoProblem("damaged_image", f"The image data is damaged: {reason}.", reason=reason)
