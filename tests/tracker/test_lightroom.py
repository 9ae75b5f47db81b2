"""The plug-in in a Modules folder: whole or not at all, and nobody else's plug-in touched."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tracker import lightroom, plugin_files
from tracker.errors import InvalidSetting
from tracker.lightroom import (
    ForeignPlugin,
    NoModulesFolder,
    NoPluginFiles,
    PluginNotChanged,
    install,
    link,
    modules_folder,
    uninstall,
)
from tracker.plugin_files import LinkRefused, NotRestored, PluginInUse

_REPOSITORY = Path(__file__).resolve().parents[2]
_OURS = b'return {\n    LrToolkitIdentifier = "com.jobreel.tracker",\n}\n'
_FOREIGN = b'return {\n    LrToolkitIdentifier = "com.example.other",\n}\n'


def _plugin(folder: Path, info: bytes = _OURS, **others: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "Info.lua").write_bytes(info)
    for name, content in others.items():
        (folder / f"{name}.lua").write_bytes(content)
    return folder


def _content(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too, and every link as what it leads to."""
    found: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}".encode()
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
        elif not any(path.iterdir()):
            found[f"{path.relative_to(folder)}/"] = b""
    return found


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of a checkout."""
    root = tmp_path / "checkout"
    _plugin(root / "lua_plugin" / "Tracker.lrdevplugin", Client=b"-- 2", Json=b"\x00\xff\r\n")
    (root / "pyproject.toml").touch()
    (root / "tracker").mkdir()
    return root / "tracker"


@pytest.fixture
def source(package: Path) -> Path:
    return lightroom.plugin_folder(package)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A Modules folder that is not there yet."""
    return tmp_path / "Adobe" / "Modules"


def _full_disk_after(copies: int) -> Callable[[Path, Path], None]:
    left = iter(range(copies))

    def copy(path: Path, place: Path) -> None:
        if next(left, None) is None:
            place.write_bytes(b"ha")  # what fitted
            raise OSError(errno.ENOSPC, "No space left on device")
        shutil.copyfile(path, place)

    return copy


def _refuse(source: Path, at: Path) -> None:
    raise PermissionError(errno.EPERM, "A required privilege is not held by the client")


# Where things are


@pytest.mark.parametrize(
    ("platform", "variable", "below"),
    [
        ("win32", "APPDATA", "Adobe/Lightroom/Modules"),
        ("darwin", "HOME", "Library/Application Support/Adobe/Lightroom/Modules"),
    ],
)
def test_lightroom_looks_in_its_modules_folder(tmp_path: Path, platform: str, variable: str, below: str) -> None:
    environment = {"APPDATA": "/wrong", "HOME": "/wrong", variable: str(tmp_path)}
    assert modules_folder(platform, environment) == tmp_path / below


@pytest.mark.parametrize("platform", ["linux", "freebsd14", "cygwin"])
def test_elsewhere_the_folder_is_to_be_named(platform: str) -> None:
    with pytest.raises(NoModulesFolder, match=r"runs on Windows and macOS only.* --to FOLDER"):
        modules_folder(platform, {"APPDATA": "/a", "HOME": "/h"})


@pytest.mark.parametrize("environment", [{}, {"APPDATA": ""}])
def test_an_environment_that_names_no_folder(environment: dict[str, str]) -> None:
    with pytest.raises(NoModulesFolder, match=r"APPDATA is not set.* --to FOLDER"):
        modules_folder("win32", environment)


def test_in_a_checkout_the_files_are_beside_the_package(package: Path) -> None:
    beside = package.parent / "lua_plugin" / "Tracker.lrdevplugin"
    assert lightroom.plugin_folder(package) == lightroom.checkout_folder(package) == beside


def test_installed_the_files_are_inside_the_package_and_there_is_no_checkout(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "tracker"
    inside = _plugin(package / "lua_plugin" / "Tracker.lrdevplugin")
    # Another distribution's, which is none of ours without a pyproject.toml.
    _plugin(package.parent / "lua_plugin" / "Tracker.lrdevplugin")
    assert lightroom.plugin_folder(package) == inside
    with pytest.raises(NoPluginFiles, match="leave --dev out, or run the tracker of a checkout"):
        lightroom.checkout_folder(package)


def test_files_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(NoPluginFiles, match="install jobreel again"):
        lightroom.plugin_folder(tmp_path / "tracker")


def test_the_plug_in_of_this_repository_is_ours() -> None:
    assert lightroom.plugin_folder() == _REPOSITORY / "lua_plugin" / "Tracker.lrdevplugin"
    assert lightroom.is_ours(lightroom.plugin_folder())


@pytest.mark.parametrize(
    ("info", "ours"),
    [
        (_OURS, True),
        (_OURS.replace(b'"', b"'").replace(b"\n", b"\r\n"), True),
        (_FOREIGN, False),
        (_OURS.replace(b"tracker", b"tracker.other"), False),
        (_OURS.replace(b"com.", b"com-"), False),
        (_OURS.replace(b"    Lr", b"    -- Lr"), False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_a_plug_in_is_known_by_its_identifier(tmp_path: Path, info: bytes, ours: bool) -> None:
    assert lightroom.is_ours(_plugin(tmp_path / "Tracker.lrplugin", info)) is ours


# Installed


def test_an_install_copies_every_file_into_a_folder_it_makes(modules: Path, source: Path) -> None:
    installed = install(modules, source)
    assert _content(modules) == {f"Tracker.lrplugin/{name}": content for name, content in _content(source).items()}
    assert installed == lightroom.Installed(path=modules / "Tracker.lrplugin", source=source, files=3, removed=())


def test_an_install_leaves_out_what_a_desktop_or_an_editor_hides(modules: Path, source: Path) -> None:
    (source / ".DS_Store").touch()
    (source / ".idea").mkdir()
    (source / ".idea" / "workspace.xml").touch()
    assert install(modules, source).files == 3
    assert set(_content(modules / "Tracker.lrplugin")) == {"Info.lua", "Client.lua", "Json.lua"}


def test_an_install_copies_folders_too(modules: Path, source: Path) -> None:
    (source / "icons").mkdir()
    (source / "icons" / "job.png").write_bytes(b"png")
    assert install(modules, source).files == 4
    assert (modules / "Tracker.lrplugin" / "icons" / "job.png").read_bytes() == b"png"


def test_what_is_installed_can_be_written_where_the_source_cannot(modules: Path, source: Path) -> None:
    for path in (*source.iterdir(), source):
        path.chmod(path.stat().st_mode & ~0o222)
    install(modules, source)
    place = modules / "Tracker.lrplugin"
    assert all(path.stat().st_mode & stat.S_IWUSR for path in (place, *place.iterdir()))


def test_an_install_again_refreshes_and_leaves_no_file_of_the_older_version(modules: Path, source: Path) -> None:
    _plugin(modules / "Tracker.lrplugin", Client=b"-- 1", Gone=b"")
    for _ in range(2):
        assert install(modules, source).removed == ()
        assert _content(modules) == {f"Tracker.lrplugin/{name}": data for name, data in _content(source).items()}


def test_other_plug_ins_stay(modules: Path, source: Path) -> None:
    _plugin(modules / "Other.lrplugin", _FOREIGN)
    install(modules, source)
    link(modules, source)
    uninstall(modules)
    assert _content(modules) == {"Other.lrplugin/Info.lua": _FOREIGN}


@pytest.mark.parametrize("copies", [0, 1, 2])
def test_a_disk_that_fills_halfway_leaves_the_old_version_whole(modules: Path, source: Path, copies: int) -> None:
    _plugin(modules / "Tracker.lrplugin", Client=b"-- 1", Gone=b"")
    before = _content(modules)
    with pytest.raises(PluginNotChanged, match="No space left on device") as raised:
        install(modules, source, _full_disk_after(copies))
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.fields() == {"path": str(modules / "Tracker.lrplugin")}
    assert _content(modules) == before


def test_a_first_install_that_fails_halfway_leaves_nothing(modules: Path, source: Path) -> None:
    with pytest.raises(PluginNotChanged):
        install(modules, source, _full_disk_after(1))
    assert _content(modules) == {}


def test_ctrl_c_halfway_leaves_the_old_version(modules: Path, source: Path) -> None:
    _plugin(modules / "Tracker.lrplugin", Client=b"-- 1")
    before = _content(modules)

    def copy(path: Path, place: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(modules, source, copy)
    assert _content(modules) == before


def _failing_rename(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Let the system refuse the rename of what is called so, once."""
    rename, left = Path.rename, [error]

    def refuse(self: Path, target: Path) -> Path:
        if self.name == name and left:
            raise left.pop()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


@pytest.mark.parametrize(
    ("error", "told"),
    [(PermissionError(errno.EACCES, "Permission denied"), PluginNotChanged), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_the_old_versions_come_back_when_the_new_one_cannot_take_their_place(
    modules: Path, source: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: type[BaseException]
) -> None:
    _plugin(modules / "Tracker.lrplugin", Client=b"-- 1")
    (modules / "Tracker.lrdevplugin").symlink_to(source)
    before = _content(modules)
    _failing_rename(monkeypatch, "new", error)
    with pytest.raises(told):
        install(modules, source)
    assert _content(modules) == before


@pytest.mark.parametrize("winerror", [5, 32])
@pytest.mark.parametrize("change", [install, lambda modules, source: uninstall(modules)])
def test_a_plug_in_that_lightroom_holds_open_on_windows(
    modules: Path, source: Path, monkeypatch: pytest.MonkeyPatch, winerror: int, change: Callable[[Path, Path], object]
) -> None:
    _plugin(modules / "Tracker.lrplugin", Client=b"-- 1")
    before = _content(modules)
    error = PermissionError(errno.EACCES, "Access is denied")
    error.__dict__["winerror"] = winerror
    _failing_rename(monkeypatch, "Tracker.lrplugin", error)
    with pytest.raises(PluginInUse, match="nothing was changed: close Lightroom and try again"):
        change(modules, source)
    assert _content(modules) == before


def test_a_version_that_cannot_be_put_back_is_kept_and_found(modules: Path) -> None:
    old, other = _plugin(modules / "Tracker.lrplugin"), _plugin(modules / "Tracker.lrdevplugin")

    def fail() -> None:
        _plugin(old, _FOREIGN)  # somebody else was faster
        raise OSError(errno.EEXIST, "File exists")

    with (
        pytest.raises(NotRestored, match="Install again, or move it back") as raised,
        plugin_files.aside([old, other], modules),
    ):
        fail()
    assert _content(Path(raised.value.kept)) == {"Info.lua": _OURS}
    assert _content(old) == {"Info.lua": _FOREIGN}
    assert _content(other) == {"Info.lua": _OURS}


def test_a_link_that_is_put_back_does_not_replace_a_file(modules: Path, source: Path) -> None:
    old = link(modules, source).path

    def fail() -> None:
        old.write_text("somebody else's")
        raise OSError(errno.EEXIST, "File exists")

    with pytest.raises(NotRestored) as raised, plugin_files.aside([old], modules):
        fail()
    assert old.read_text() == "somebody else's"
    assert Path(raised.value.kept).readlink() == source


def test_what_was_moved_aside_is_gone_after_the_block(modules: Path) -> None:
    old = _plugin(modules / "Tracker.lrplugin")
    with plugin_files.aside([old], modules):
        assert not old.exists()
    assert list(modules.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(modules: Path, source: Path) -> None:
    left = Path(f"{modules}/.com.jobreel.tracker-k1ll3d")
    _plugin(left / "Tracker.lrplugin")
    install(modules, source)
    assert [path.name for path in modules.iterdir()] == ["Tracker.lrplugin"]
    _plugin(left / "Tracker.lrplugin")
    uninstall(modules)
    assert list(modules.iterdir()) == []


# Linked


def test_a_link_shows_every_edit(modules: Path, source: Path) -> None:
    linked = link(modules, source)
    assert linked == lightroom.Installed(path=modules / "Tracker.lrdevplugin", source=source, files=3, removed=())
    (source / "Client.lua").write_bytes(b"-- 3")
    assert (linked.path / "Client.lua").read_bytes() == b"-- 3"
    assert linked.path.is_symlink()


def test_a_link_again_leads_to_this_checkout(modules: Path, source: Path, tmp_path: Path) -> None:
    elsewhere = _plugin(tmp_path / "old" / "lua_plugin" / "Tracker.lrdevplugin")
    link(modules, elsewhere)
    link(modules, source)
    assert _content(modules) == {"Tracker.lrdevplugin": f"-> {source}".encode()}
    assert _content(elsewhere) == {"Info.lua": _OURS}


def test_each_way_of_installing_removes_the_other_and_never_the_checkout(modules: Path, source: Path) -> None:
    before = _content(source)
    install(modules, source)
    assert link(modules, source).removed == (modules / "Tracker.lrplugin",)
    assert [path.name for path in modules.iterdir()] == ["Tracker.lrdevplugin"]
    assert install(modules, source).removed == (modules / "Tracker.lrdevplugin",)
    assert [path.name for path in modules.iterdir()] == ["Tracker.lrplugin"]
    assert _content(source) == before


def test_where_a_symbolic_link_needs_a_privilege_a_junction_is_made(modules: Path, source: Path) -> None:
    made: list[tuple[Path, str]] = []

    def junction(to: Path, at: Path) -> None:
        made.append((to, at.name))
        at.symlink_to(to)

    link(modules, source, (_refuse, junction))
    assert made == [(source, "new")]
    assert (modules / "Tracker.lrdevplugin" / "Client.lua").read_bytes() == b"-- 2"


def test_a_junction_is_windows_own(modules: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str]] = []
    twin = SimpleNamespace(CreateJunction=lambda to, at: made.append((to, at)))
    monkeypatch.setitem(sys.modules, "_winapi", twin)
    monkeypatch.setattr(plugin_files, "sys", SimpleNamespace(platform="win32"))
    plugin_files.junction(source, modules / "new")
    assert made == [(str(source), str(modules / "new"))]


def test_where_no_link_can_be_made_it_says_what_to_do_and_the_copy_stays(modules: Path, source: Path) -> None:
    install(modules, source)
    before = _content(modules)
    with pytest.raises(LinkRefused, match=r"\(A required privilege.*Plug-in Manager > Add") as raised:
        link(modules, source, (_refuse, plugin_files.junction if os.name != "nt" else _refuse))
    assert raised.value.fields() == {"source": str(source)}
    assert _content(modules) == before


def test_a_junction_is_a_link_and_is_removed_as_one(
    modules: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = SimpleNamespace(st_mode=stat.S_IFDIR | 0o755, st_reparse_tag=0xA0000003)
    unlinked: list[Path] = []
    monkeypatch.setattr(Path, "lstat", lambda self: looks)
    monkeypatch.setattr(Path, "unlink", lambda self: unlinked.append(self))
    plugin_files.discard(source)
    assert unlinked == [source]
    assert (source / "Info.lua").is_file()


# Not ours


def _make_foreign_folder(path: Path) -> None:
    _plugin(path, _FOREIGN)


def _make_folder_without_info(path: Path) -> None:
    path.mkdir()
    (path / "photo.jpg").touch()


def _make_file(path: Path) -> None:
    path.write_text("LrToolkitIdentifier")


def _make_foreign_link(path: Path) -> None:
    path.symlink_to(_plugin(path.parent / "Other", _FOREIGN))


def _make_dead_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "Tracker.lrdevplugin")


_FOREIGNERS = [_make_foreign_folder, _make_folder_without_info, _make_file, _make_foreign_link, _make_dead_link]


@pytest.mark.parametrize("make", _FOREIGNERS)
@pytest.mark.parametrize(("name", "put"), [("Tracker.lrplugin", install), ("Tracker.lrdevplugin", link)])
def test_what_is_not_ours_is_not_replaced(
    modules: Path, source: Path, make: Callable[[Path], None], name: str, put: Callable[[Path, Path], object]
) -> None:
    modules.mkdir(parents=True)
    make(modules / name)
    before = _content(modules)
    with pytest.raises(ForeignPlugin, match=r"nothing was changed: move it away, or .* --to") as raised:
        put(modules, source)
    assert raised.value.fields() == {"path": str(modules / name)}
    with pytest.raises(ForeignPlugin):
        uninstall(modules)
    assert _content(modules) == before


@pytest.mark.parametrize("make", _FOREIGNERS)
def test_what_is_not_ours_under_the_other_name_stays(modules: Path, source: Path, make: Callable[[Path], None]) -> None:
    modules.mkdir(parents=True)
    make(modules / "Tracker.lrdevplugin")
    before = _content(modules)
    assert install(modules, source).removed == ()
    assert uninstall(modules) == [modules / "Tracker.lrplugin"]
    assert _content(modules) == before


@pytest.mark.parametrize("change", [install, link, lambda modules, source: uninstall(modules)])
@pytest.mark.parametrize("below", ["lua_plugin", "lua_plugin/Tracker.lrdevplugin", "linked"])
def test_the_plug_ins_own_files_are_never_what_is_replaced(
    source: Path, change: Callable[[Path, Path], object], below: str
) -> None:
    root = source.parent.parent
    (root / "linked").symlink_to(root / "lua_plugin")
    before = _content(root)
    with pytest.raises(InvalidSetting, match="to: holds the plug-in's own files"):
        change(root / below, source)
    assert _content(root) == before


def test_a_modules_folder_may_be_called_as_ours(tmp_path: Path, source: Path) -> None:
    modules = tmp_path / "lua_plugin"
    link(modules, source)
    link(modules, source)
    assert uninstall(modules) == [modules / "Tracker.lrdevplugin"]


# Uninstalled


def test_an_uninstall_removes_the_copy(modules: Path, source: Path) -> None:
    install(modules, source)
    assert uninstall(modules) == [modules / "Tracker.lrplugin"]
    assert list(modules.iterdir()) == []


def test_an_uninstall_of_a_link_leaves_the_checkout(modules: Path, source: Path) -> None:
    before = _content(source)
    link(modules, source)
    assert uninstall(modules) == [modules / "Tracker.lrdevplugin"]
    assert list(modules.iterdir()) == []
    assert _content(source) == before


def test_an_uninstall_removes_the_link_to_a_checkout_that_is_gone(modules: Path, source: Path) -> None:
    link(modules, source)
    shutil.rmtree(source.parent.parent)
    assert uninstall(modules) == [modules / "Tracker.lrdevplugin"]
    assert list(modules.iterdir()) == []


def test_an_uninstall_removes_both_where_both_are_there(modules: Path, source: Path) -> None:
    _plugin(modules / "Tracker.lrplugin")
    (modules / "Tracker.lrdevplugin").symlink_to(source)
    assert uninstall(modules) == [modules / "Tracker.lrplugin", modules / "Tracker.lrdevplugin"]
    assert list(modules.iterdir()) == []


def test_an_uninstall_of_nothing(modules: Path) -> None:
    assert uninstall(modules) == []
    assert not modules.exists()
    modules.mkdir(parents=True)
    assert uninstall(modules) == []
