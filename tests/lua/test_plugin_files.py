"""The plug-in's files: Lua 5.1 compiles each, and the linter, which knows Lightroom's globals, finds nothing."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from tests.lua.tools import ROOT, command

PLUGIN = ROOT / "lua_plugin" / "Tracker.lrdevplugin"
_CONFIG = ROOT / "lua_plugin" / ".luacheckrc"
_FILES = sorted(PLUGIN.glob("*.lua"))
_IDS = [path.name for path in _FILES]
# dkjson 2.6, as it came.
_DKJSON_SHA256 = "bdb71dbe2863e9567d5a9a926faed1cfc4c12e04741a3e9009d334df25b9748c"
# What is called by the plain pcall: none of it yields.
_NEVER_YIELD = {
    "LrPasswords.retrieve",
    "Settings.storeToken",
    "DataFolder.write",
    "DataFolder.read",
    "start",
    "Watch.describe",
    "self.remove",
}
_FORBIDDEN = {
    "package": "local path = package.path\nreturn path\n",
    "os.remove": 'os.remove("x")\n',
    "print": 'print("x")\n',
    "xpcall": "xpcall(error, error)\n",
    "a global": "surprise = 1\n",
    "unused": "local unused = 1\n",
}


def compiled(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command("luac5.1"), "-p", str(path)], capture_output=True, text=True, timeout=60, check=False
    )


def linted(*paths: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--no-color", "--no-cache", "--config", str(_CONFIG), *map(str, paths)]
    return subprocess.run([command("luacheck"), *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_plug_in_has_files() -> None:
    assert {"WebSocketClient.lua", "Outbox.lua", "Journal.lua", "Poller.lua", "Json.lua", "dkjson.lua"} <= set(_IDS)


@pytest.mark.parametrize("path", _FILES, ids=_IDS)
def test_lua_compiles_it(path: Path) -> None:
    done = compiled(path)
    assert done.returncode == 0, done.stderr


def test_the_linter_finds_nothing() -> None:
    done = linted(*_FILES)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("text", ["local x = = 1\n", "goto done\n::done::\n", "return 7 // 2\n"])
def test_control_a_file_that_is_no_lua_5_1_does_not_compile(tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "Wrong.lua"
    wrong.write_text(text)
    assert compiled(wrong).returncode != 0


@pytest.mark.parametrize("name", _FORBIDDEN)
def test_control_the_linter_finds_what_lightroom_does_not_have(tmp_path: Path, name: str) -> None:
    wrong = tmp_path / "Wrong.lua"
    wrong.write_text(_FORBIDDEN[name])
    done = linted(wrong)
    assert done.returncode != 0
    assert "1 warning" in done.stdout


@pytest.mark.parametrize("path", [path for path in _FILES if path.name != "dkjson.lua"], ids=lambda path: path.name)
def test_whatever_yields_is_called_by_the_pcall_that_can(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    plain = re.findall(r"(?<!\.)\bpcall\((\w[\w.]*)", text)
    assert set(plain) <= {"ready", "dkjson.decode", "call", *_NEVER_YIELD}


def test_the_folder_is_flat_and_what_is_required_is_there() -> None:
    assert [path for path in PLUGIN.iterdir() if path.is_dir()] == []
    for path in _FILES:
        if path.name != "dkjson.lua":
            for name in re.findall(r"require '(\w+)'", path.read_text(encoding="utf-8")):
                assert (PLUGIN / f"{name}.lua").exists(), f"{path.name} requires {name}"


def test_dkjson_is_unchanged_and_has_its_licence() -> None:
    data = (PLUGIN / "dkjson.lua").read_bytes()
    assert hashlib.sha256(data).hexdigest() == _DKJSON_SHA256
    licence = (PLUGIN / "dkjson-LICENSE.txt").read_text()
    assert "Permission is hereby granted, free of charge" in licence
    assert licence in data.decode()
