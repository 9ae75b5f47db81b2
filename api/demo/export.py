"""Results as JPEG files: under their names only when complete."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from api.demo.errors import DemoError, PhotoProblem
from api.demo.text import as_printable, as_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from api.demo.pillow import Image

_QUALITY: Final = 90  # of JPEG, 1 to 95
_NAME_LIMIT: Final = 50  # characters: below every file system's limit even at four bytes each
_NOT_IN_NAMES: Final = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))


def prepare_output(output: Path, photos: Sequence[Path]) -> None:
    """Make the output folder.

    Raises:
        DemoError: If it cannot be made, or holds one of the photos: a result could replace its original.
    """
    shown = as_printable(os.fspath(output))
    try:
        output.mkdir(parents=True, exist_ok=True)
        folder = output.resolve()
        holds_photos = any(parent.resolve() == folder for parent in {photo.parent for photo in photos})
    except (OSError, RuntimeError) as error:
        raise DemoError(f"cannot use {shown} as the output folder: {error}") from error
    if holds_photos:
        raise DemoError(f"the output folder {shown} holds the photos themselves: choose another")


def export_names(photos: Iterable[Path]) -> list[str]:
    """A file name for the result of each photo: distinct, even where case does not count, and harmless."""
    names, taken = list[str](), set[str]()
    for photo in photos:
        stem = _stem(photo)
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(f"{name}.jpg")
    return names


def write_jpeg(image: Image.Image, target: Path, *, part_name: str, icc_profile: bytes | None) -> int:
    """Write ``target``, replacing what was there, by way of a hidden file beside it; gives its size in bytes.

    No metadata of the original goes into the result, except its colour profile.

    Raises:
        PhotoProblem: ``export_failed``.
    """
    part = target.with_name(f".{part_name}.part")
    try:
        with part.open("xb") as file:
            image.save(file, "JPEG", quality=_QUALITY, icc_profile=icc_profile)
        size = part.stat().st_size
        part.replace(target)
    except OSError as error:
        raise PhotoProblem("export_failed", f"The result cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _stem(photo: Path) -> str:
    stem = as_printable(as_unicode(photo.stem), _NAME_LIMIT).translate(_NOT_IN_NAMES)
    return stem.strip(". ") or "photo"
