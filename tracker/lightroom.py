"""Lightroom's plug-in: where its files are, where Lightroom looks for it, and how it gets there and away.

Lightroom Classic loads at its start what is in its Modules folder. The plug-in lies there under one of two names: as a
copy, or as a link to a checkout. What is ours is known by the identifier in its Info.lua; all else is left alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracker import plugin_files
from tracker.errors import InvalidSetting, TrackerError
from tracker.plugin_files import Copy, Link

IDENTIFIER = "com.jobreel.tracker"
COPY, LINK = "Tracker.lrplugin", "Tracker.lrdevplugin"

_PACKAGE = Path(__file__).resolve().parent
_FILES = Path("lua_plugin", "Tracker.lrdevplugin")
_IS_OURS = re.compile(rb"^\s*LrToolkitIdentifier\s*=\s*([\"'])" + re.escape(IDENTIFIER).encode() + rb"\1", re.MULTILINE)
# Of the home or data folder that the environment names.
_MODULES = {
    "win32": ("APPDATA", Path("Adobe", "Lightroom", "Modules")),
    "darwin": ("HOME", Path("Library", "Application Support", "Adobe", "Lightroom", "Modules")),
}


class NoModulesFolder(TrackerError):
    """Where Lightroom looks for plug-ins is not known here."""

    code = "no_modules_folder"


class NoPluginFiles(TrackerError):
    """The plug-in's own files are not there."""

    code = "no_plugin_files"


class ForeignPlugin(TrackerError):
    """What has the plug-in's name is not ours; nothing was changed."""

    code = "foreign_plugin"
    public_fields = ("path",)

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not the Jobreel Tracker plug-in (no Info.lua there says {IDENTIFIER}), "
            "and nothing was changed: move it away, or name another Modules folder with --to."
        )
        self.path = str(path)


class PluginNotChanged(TrackerError):
    """The system refused; what was there before still is. Its error is the cause."""

    code = "plugin_not_changed"
    public_fields = ("path",)

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Nothing was changed at {path}: {reason}. Put that right and try again.")
        self.path = str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What was installed: where, from where, and in how many files.

    ``removed`` are the other plug-ins of ours that went for it, not an older version in the same place.
    """

    path: Path
    source: Path
    files: int
    removed: tuple[Path, ...]


def modules_folder(platform: str, environment: Mapping[str, str]) -> Path:
    """Where Lightroom Classic looks for plug-ins; ``platform`` as in :data:`sys.platform`.

    Raises:
        NoModulesFolder: If Lightroom does not run there, or the environment does not name the folder it lies in.
    """
    if platform not in _MODULES:
        raise NoModulesFolder("Lightroom runs on Windows and macOS only: name its Modules folder with --to FOLDER.")
    variable, below = _MODULES[platform]
    if not environment.get(variable):
        raise NoModulesFolder(f"{variable} is not set: name Lightroom's Modules folder with --to FOLDER.")
    return Path(environment[variable]) / below


def plugin_folder(package: Path = _PACKAGE) -> Path:
    """Where the plug-in's files are: beside the package in a checkout, inside it when installed.

    Raises:
        NoPluginFiles: If they are in neither place.
    """
    root = package.parent if _is_checkout(package.parent) else package
    if not is_ours(root / _FILES):
        raise NoPluginFiles(f"The plug-in's files are missing at {root / _FILES}: install jobreel again.")
    return root / _FILES


def checkout_folder(package: Path = _PACKAGE) -> Path:
    """Where the plug-in is edited.

    Raises:
        NoPluginFiles: If this tracker does not run from a checkout.
    """
    if not _is_checkout(package.parent):
        raise NoPluginFiles(
            f"--dev links the plug-in of a checkout, and this tracker is installed in {package.parent}: "
            "leave --dev out, or run the tracker of a checkout."
        )
    return package.parent / _FILES


def is_ours(path: Path) -> bool:
    """Whether a folder, or what a link leads to, is this plug-in, of any version; or a link to one that is gone."""
    try:
        return _IS_OURS.search((path / "Info.lua").read_bytes()) is not None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return plugin_files.is_link(path) and path.readlink().parts[-2:] == _FILES.parts


def install(modules: Path, source: Path, copy: Copy = shutil.copyfile) -> Installed:
    """Copy the plug-in into a Modules folder, which is made when missing, in the place of what is ours there.

    Raises:
        ForeignPlugin: If something else has its name.
        PluginInUse: If Lightroom holds the older version open, on Windows.
        PluginNotChanged: If the disk is full, or may not be written.
        NotRestored: If that came halfway, and the older version could not be put back.
        InvalidSetting: If ``modules`` holds the plug-in's own files.
    """
    return _put(modules / COPY, source, lambda new: plugin_files.copy_files(source, new, copy))


def link(
    modules: Path, source: Path, kinds: Sequence[Link] = (plugin_files.symlink, plugin_files.junction)
) -> Installed:
    """Link to the plug-in from a Modules folder, so that what is edited is what Lightroom reloads.

    Raises:
        LinkRefused: If none of these kinds of link can be made there.
        TrackerError: Else as :func:`install`.
    """
    return _put(modules / LINK, source, lambda new: plugin_files.link_folder(source, new, kinds))


def uninstall(modules: Path) -> list[Path]:
    """Remove what is ours in a Modules folder, a link as a link; returns what that was.

    Raises:
        ForeignPlugin: If only something else has the plug-in's name.
        PluginInUse: If Lightroom holds it open, on Windows.
        PluginNotChanged: If it may not be removed.
        InvalidSetting: If ``modules`` holds the plug-in's own files.
    """
    with _unchanged_if_refused(modules):
        _demand_no_sources(modules)
        named, ours = _named(modules), _ours(modules)
        if named and not ours:
            raise ForeignPlugin(named[0])
        if ours:
            with plugin_files.aside(ours, modules):
                pass
            plugin_files.sweep(modules)
        return ours


def _put(place: Path, source: Path, make: Callable[[Path], None]) -> Installed:
    modules = place.parent
    with _unchanged_if_refused(place):
        _demand_no_sources(modules)
        ours = _ours(modules)
        if place in _named(modules) and place not in ours:
            raise ForeignPlugin(place)
        modules.mkdir(parents=True, exist_ok=True)
        with plugin_files.workspace(modules) as work:
            make(work / "new")
            with plugin_files.aside(ours, modules):
                plugin_files.move(work / "new", place)
        plugin_files.sweep(modules)
    removed = tuple(path for path in ours if path != place)
    return Installed(path=place, source=source, files=len(plugin_files.files(source)), removed=removed)


def _named(modules: Path) -> list[Path]:
    return [modules / name for name in (COPY, LINK) if plugin_files.is_there(modules / name)]


def _ours(modules: Path) -> list[Path]:
    return [path for path in _named(modules) if is_ours(path)]


def _is_checkout(root: Path) -> bool:
    return (root / "pyproject.toml").is_file() and (root / _FILES / "Info.lua").is_file()


def _demand_no_sources(modules: Path) -> None:
    # There, the plug-in that would be replaced or removed is what it is made from.
    folder_name, plugin_name = _FILES.parts
    for folder in (modules.resolve(), *modules.resolve().parents):
        sources = folder / plugin_name
        if folder.name == folder_name and is_ours(sources) and not plugin_files.is_link(sources):
            raise InvalidSetting("to", str(modules), "holds the plug-in's own files; name Lightroom's Modules folder")


@contextmanager
def _unchanged_if_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PluginNotChanged(path, plugin_files.reason(error)) from error
