"""Names that outlive a loss of power: a file that was synced is found again only if its name was synced too."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

# A file system that knows no such thing, as some over a network, or a folder that may be written and not read: the
# names are as durable as they can be made there.
_CANNOT = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES})


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are not there; the new ones durably.

    Raises:
        OSError: If it cannot be made, or is something else.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def rename(path: Path, to: Path) -> None:
    """Give a file, itself synced, another name in its folder, durably; what had that name before is gone.

    Raises:
        OSError: If it cannot be done.
    """
    path.replace(to)
    sync_folder(to.parent)


def sync_folder(folder: Path) -> None:
    """Have every name in a folder be durable: of new files, of renamed and of removed ones.

    On Windows nothing is done: a folder cannot be synced there, and the file system keeps a journal of names.

    Raises:
        OSError: If the disk failed.
    """
    if sys.platform == "win32":
        return
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
