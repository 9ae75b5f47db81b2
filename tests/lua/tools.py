"""Lua 5.1 and what the specs need beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_PACKAGES = "Debian's packages lua5.1, lua-check and lua-socket have it."


@cache
def command(name: str) -> str:
    """The path of a command; a failure that says what to install if it is not there."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"There is no command {name}. {_PACKAGES}", pytrace=False)
    return found


@cache
def _demand(module: str) -> None:
    done = subprocess.run([command("lua5.1"), "-e", f"require '{module}'"], capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"Lua 5.1 has no module {module}. {_PACKAGES}", pytrace=False)


def lua() -> str:
    """The path of Lua 5.1, with its modules for sockets and folders."""
    _demand("socket")
    _demand("lfs")
    return command("lua5.1")


def run_lua(
    script: Path | str, *arguments: str, stdin: str = "", timeout_seconds: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script from the root of the project, whether it succeeds or not."""
    return subprocess.run(
        [lua(), str(script), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
