"""The plug-in's specs, each in a Lua 5.1 of its own, against strict stubs of Lightroom's SDK."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.lua.tools import HERE, run_lua

_SPECS = sorted((HERE / "specs").glob("*_spec.lua"))
_IT = re.compile(r'^it\("([^"]+)", function\(\)$', re.MULTILINE)
_NAMES = [(path, name) for path in _SPECS for name in _IT.findall(path.read_text(encoding="utf-8"))]


def run(path: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_lua("tests/lua/spec.lua", str(path), *arguments, SPEC_FOLDER=str(folder))


@pytest.mark.parametrize(("path", "name"), _NAMES, ids=[f"{path.stem}: {name}" for path, name in _NAMES])
def test_spec(path: Path, name: str, tmp_path: Path) -> None:
    done = run(path, tmp_path, name)
    if done.returncode:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)
    assert done.stdout.splitlines()[-1] == f"ok {name}"


@pytest.mark.parametrize("path", _SPECS, ids=lambda path: path.stem)
def test_every_spec_of_a_file_is_run_here(path: Path, tmp_path: Path) -> None:
    listed = run(path, tmp_path, "--list").stdout.splitlines()
    assert listed == [name for known, name in _NAMES if known == path]
    assert listed


def test_control_a_spec_that_does_not_hold_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong_spec.lua"
    wrong.write_text('it("holds", function() end)\nit("does not", function()\n    expect({ 1 }, { 2 })\nend)\n')
    done = run(wrong, tmp_path)
    assert done.returncode == 1
    assert "ok holds" in done.stdout
    assert "not ok does not\n" in done.stdout
    assert "expected {1=2}, got {1=1}" in done.stdout
