"""The plug-in's files on disk: copied, linked, moved aside and removed, each whole or not at all.

A link is a symbolic link or a junction of Windows; it is moved and removed as the link that it is, never followed.
What is on its way in or out lies in hidden folders beside its place, on the same disk: moving it there is one rename.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tracker.errors import TrackerError

Copy = Callable[[Path, Path], object]
Link = Callable[[Path, Path], None]

# Not the ending of a plug-in: Lightroom must not load what is on its way.
_HIDDEN = ".com.jobreel.tracker-"
_JUNCTION_TAG = 0xA0000003  # stat.IO_REPARSE_TAG_MOUNT_POINT, which only Windows' Python has
_HELD_OPEN = (5, 32)  # what Windows says of renaming a folder with open files: access denied, sharing violation


class PluginInUse(TrackerError):
    """Windows does not let a folder be moved of which a program holds files open; nothing was changed."""

    code = "plugin_in_use"
    public_fields = ("path",)

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use, and nothing was changed: close Lightroom and try again.")
        self.path = str(path)


class LinkRefused(TrackerError):
    """Neither kind of link can be made; nothing was changed."""

    code = "link_refused"
    public_fields = ("source",)

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(
            f"No link to {source} can be made here ({reason}): "
            "add that folder in Lightroom instead, with File > Plug-in Manager > Add."
        )
        self.source = str(source)


class NotRestored(TrackerError):
    """What was moved aside could not be moved back; it is whole, at ``kept``."""

    code = "plugin_not_restored"
    public_fields = ("path", "kept")

    def __init__(self, path: Path, kept: Path, reason: str) -> None:
        super().__init__(f"{path} could not be put back ({reason}): it is {kept} now. Install again, or move it back.")
        self.path = str(path)
        self.kept = str(kept)


def is_link(path: Path) -> bool:
    """Whether this is a link, be it to nothing."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _JUNCTION_TAG


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a link to nothing."""
    return is_link(path) or path.exists()


def files(folder: Path) -> list[Path]:
    """The files of a plug-in, ordered by name; without hidden ones, which are a desktop's or an editor's."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def copy_files(source: Path, to: Path, copy: Copy = shutil.copyfile) -> None:
    """Copy the files of a plug-in to a folder that is not there yet: their contents, not who may write them."""
    for path in files(source):
        place = to / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        copy(path, place)


def symlink(source: Path, at: Path) -> None:
    """Make a symbolic link. Windows asks for a privilege or the developer mode."""
    at.symlink_to(source, target_is_directory=True)


def junction(source: Path, at: Path) -> None:
    """Make a junction: Windows' own link to a folder of this machine, for which nobody needs a privilege."""
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(str(source), str(at))
    else:
        raise OSError(errno.ENOTSUP, "only Windows has junctions")


def link_folder(source: Path, at: Path, kinds: Sequence[Link] = (symlink, junction)) -> None:
    """Link to a folder with the first kind of link that can be made.

    Raises:
        LinkRefused: If none can; the reason is the first kind's.
    """
    refused: list[OSError] = []
    for link in kinds:
        try:
            return link(source, at)
        except OSError as error:
            refused.append(error)
    raise LinkRefused(source, reason(refused[0])) from refused[0]


def move(path: Path, to: Path) -> None:
    """Rename, on one disk.

    Raises:
        PluginInUse: If a program holds it open, on Windows.
    """
    try:
        path.rename(to)
    except OSError as error:
        if getattr(error, "winerror", None) in _HELD_OPEN:
            raise PluginInUse(path) from error
        raise


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder``, removed at the end with all that is still in it."""
    made = Path(tempfile.mkdtemp(prefix=_HIDDEN, dir=folder))
    try:
        yield made
    finally:
        discard(made)


@contextmanager
def aside(paths: Sequence[Path], folder: Path) -> Iterator[None]:
    """Move plug-ins out of ``folder`` for the length of a block: gone when it succeeds, back when it fails.

    Raises:
        PluginInUse: If one cannot be moved; none was.
        NotRestored: If one cannot be moved back. It is kept, not removed.
    """
    kept = Path(tempfile.mkdtemp(prefix=_HIDDEN, dir=folder))
    try:
        for path in paths:
            move(path, kept / path.name)
        yield
    except BaseException:
        # Also at Ctrl-C. What lies there tells what was moved: a list of ours could miss the last.
        with ExitStack() as back:
            for path in paths:
                back.callback(_move_back, kept / path.name, path)
        kept.rmdir()
        raise
    discard(kept)


def discard(path: Path) -> None:
    """Remove what is no longer in its place; what cannot be removed stays, hidden, for :func:`sweep`."""
    if is_link(path):
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a run left that was killed, or that Windows would not let go."""
    for left in folder.glob(f"{_HIDDEN}*"):
        discard(left)


def reason(error: OSError) -> str:
    """Why the system refused, in its words."""
    return error.strerror or str(error) or type(error).__name__


def _move_back(kept: Path, path: Path) -> None:
    if not is_there(kept):
        return
    try:
        # A rename puts a link in the place of a file without asking.
        if is_there(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        kept.rename(path)
    except OSError as error:
        raise NotRestored(path, kept, reason(error)) from error
