"""Which files of a folder are photos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.demo.errors import DemoError
from api.demo.text import as_printable

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPORT_FOLDER: Final = "jobreel-export"
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"})


def default_output(folder: Path) -> Path:
    """Where the results for ``folder`` go when nothing else is said; ``find_photos`` never looks in it."""
    return folder / EXPORT_FOLDER


def find_photos(folder: Path, *, output: Path | None = None) -> list[Path]:
    """The photos in ``folder`` and all folders below it, sorted by path.

    A photo is whatever has a photo's suffix, so that a broken one shows up as a failed job instead of being
    passed over. Hidden files and folders, ``output`` and every folder named ``jobreel-export`` are skipped;
    links to folders are not followed.

    Raises:
        DemoError: If ``folder`` is missing, is no folder, cannot be read, or holds no photos.
    """
    _check_folder(folder)
    photos = sorted(_walk(folder, output.resolve() if output else None), key=os.fsencode)
    if not photos:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise DemoError(f"no photos in {_shown(folder)} (read are: {kinds}; not raw files or HEIC)")
    return photos


def _check_folder(folder: Path) -> None:
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        raise DemoError(f"no such folder: {_shown(folder)}") from None
    except NotADirectoryError:
        raise DemoError(f"not a folder: {_shown(folder)}") from None
    except OSError as error:
        raise DemoError(f"cannot read the folder {_shown(folder)}: {error.strerror}") from error


def _walk(folder: Path, output: Path | None) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        parent = Path(directory)
        yield from (parent / name for name in [*files, *folders] if _is_photo(name))
        folders[:] = [name for name in folders if _is_entered(parent / name, output)]


def _is_photo(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _is_entered(folder: Path, output: Path | None) -> bool:
    if folder.name.startswith(".") or folder.name == EXPORT_FOLDER or _is_photo(folder.name):
        return False
    return output is None or folder.resolve() != output


def _shown(path: Path) -> str:
    return as_printable(os.fspath(path))
