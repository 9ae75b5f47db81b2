from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tracker import lightroom
from tracker.plugin_files import files

from .conftest import Run

_SOURCE = lightroom.plugin_folder()
_COUNT = len(files(_SOURCE))
_NEXT = "Start Lightroom Classic, then File > Plug-in Manager > Jobreel Tracker: address and token.\n"
_NOT_HERE = "Lightroom runs on Windows and macOS only: name its Modules folder with --to FOLDER."


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A Modules folder that is not there yet."""
    return tmp_path / "My Modules"


def test_install_says_what_is_where_and_what_comes_next(run: Run, modules: Path) -> None:
    result = run("lightroom", "install", "--to", str(modules))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"Installed {modules / 'Tracker.lrplugin'} ({_COUNT} files).\n{_NEXT}"
    copied = {path.name: path.read_bytes() for path in (modules / "Tracker.lrplugin").iterdir()}
    assert copied == {path.name: path.read_bytes() for path in files(_SOURCE)}


def test_install_for_development_links_and_says_what_it_removed(run: Run, modules: Path) -> None:
    run("lightroom", "install", "--to", str(modules))
    result = run("lightroom", "install", "--dev", "--to", str(modules))
    assert result.exit_code == 0
    assert result.stdout == (
        f"Linked {modules / 'Tracker.lrdevplugin'} to {_SOURCE} ({_COUNT} files).\n"
        f"Removed {modules / 'Tracker.lrplugin'}, the same plug-in.\n"
        f"{_NEXT}After an edit: Reload Plug-in, at the same place.\n"
    )
    assert (modules / "Tracker.lrdevplugin").samefile(_SOURCE)


def test_install_as_json(run: Run, modules: Path) -> None:
    copied, linked = str(modules / "Tracker.lrplugin"), str(modules / "Tracker.lrdevplugin")
    same = {"success": True, "source": str(_SOURCE), "files": _COUNT}
    body = json.loads(run("lightroom", "install", "--json", "--to", str(modules)).stdout)
    assert body == {**same, "dev": False, "path": copied, "removed": []}
    body = json.loads(run("lightroom", "install", "--json", "--dev", "--to", str(modules)).stdout)
    assert body == {**same, "dev": True, "path": linked, "removed": [copied]}


def test_a_folder_is_named_from_where_the_command_runs(run: Run, tmp_path: Path) -> None:
    assert run("lightroom", "install", "--to", "here").stdout.startswith(f"Installed {tmp_path / 'here'}")


@pytest.mark.parametrize(("platform", "variable"), [("win32", "APPDATA"), ("darwin", "HOME")])
def test_without_a_folder_it_is_lightrooms_own(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str
) -> None:
    # The command asks the real system and environment; where they lead is tested with the plug-in's.
    monkeypatch.setattr("api.cli.lightroom.sys", _System(platform))
    monkeypatch.setenv(variable, str(tmp_path / "user"))
    place = lightroom.modules_folder(platform, {variable: str(tmp_path / "user")}) / "Tracker.lrplugin"
    assert run("lightroom", "install").stdout.startswith(f"Installed {place} (")
    assert run("lightroom", "uninstall").stdout.startswith(f"Removed {place}.\n")


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_where_lightroom_does_not_run_the_folder_must_be_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("api.cli.lightroom.sys", _System("linux"))
    told = run("lightroom", command)
    assert (told.exit_code, told.stdout, told.stderr) == (2, "", f"Error: {_NOT_HERE}\n")
    body = run("lightroom", command, "--json")
    assert (body.exit_code, body.stderr) == (2, "")
    assert json.loads(body.stdout) == {"success": False, "error": _NOT_HERE, "code": "no_modules_folder"}


def test_uninstall_says_what_it_removed_or_that_there_was_nothing(run: Run, modules: Path) -> None:
    run("lightroom", "install", "--to", str(modules))
    removed = run("lightroom", "uninstall", "--to", str(modules))
    place = modules / "Tracker.lrplugin"
    assert removed.stdout == f"Removed {place}.\nLightroom forgets it when it starts again.\n"
    assert list(modules.iterdir()) == []
    again = run("lightroom", "uninstall", "--to", str(modules))
    assert again.stdout == f"Nothing to remove: there is no Jobreel Tracker plug-in in {modules}.\n"
    assert (removed.exit_code, again.exit_code) == (0, 0)


def test_uninstall_as_json_of_a_link_leaves_the_checkout(run: Run, modules: Path) -> None:
    before = files(_SOURCE)
    run("lightroom", "install", "--dev", "--to", str(modules))
    place = str(modules / "Tracker.lrdevplugin")
    for removed in ([place], []):
        body = json.loads(run("lightroom", "uninstall", "--json", "--to", str(modules)).stdout)
        assert body == {"success": True, "removed": removed}
    assert files(_SOURCE) == before


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_plug_in_of_somebody_else_is_one_line_or_one_body(run: Run, modules: Path, command: str) -> None:
    place = modules / "Tracker.lrplugin"
    place.mkdir(parents=True)
    told = run("lightroom", command, "--to", str(modules))
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert told.stderr.startswith(f"Error: {place} is not the Jobreel Tracker plug-in")
    body = run("lightroom", command, "--json", "--to", str(modules))
    expected = {"success": False, "code": "foreign_plugin", "path": str(place)}
    assert (body.exit_code, expected.items() <= json.loads(body.stdout).items()) == (1, True)
    assert list(modules.iterdir()) == [place]


def test_a_modules_folder_that_is_a_file_is_a_usage_error(run: Run, modules: Path) -> None:
    modules.write_text("")
    result = run("lightroom", "install", "--to", str(modules))
    assert result.exit_code == 2
    assert "is a file" in result.stderr


@pytest.mark.parametrize("command", ["", "install", "uninstall"])
def test_help(run: Run, command: str) -> None:
    result = run("lightroom", *command.split(), "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: tracker lightroom {command}")


class _System:
    """``sys``, on another platform."""

    def __init__(self, platform: str) -> None:
        self.platform = platform

    def __getattr__(self, name: str) -> object:
        return getattr(sys, name)
