"""Every dependency has a floor, and no floor is below a version with a known weakness."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

# The first version without the weaknesses that were published for what we use of it.
SAFE = {
    "aiohttp": "3.14.5",  # WebSocket memory, request smuggling, the parser
    "filelock": "3.20.1",  # a lock file that is a symbolic link
}
_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_NAMED = [_PROJECT["dependencies"], *_PROJECT["optional-dependencies"].values()]
_REQUIREMENTS = {requirement.name: requirement for names in _NAMED for requirement in map(Requirement, names)}


def _floor(requirement: Requirement) -> Version | None:
    return next((Version(one.version) for one in requirement.specifier if one.operator in (">=", "~=", "==")), None)


@pytest.mark.parametrize("name", _REQUIREMENTS)
def test_a_dependency_has_a_floor_that_is_kept(name: str) -> None:
    floor = _floor(_REQUIREMENTS[name])
    assert floor is not None, f"{name} has no floor"
    marker = _REQUIREMENTS[name].marker
    if marker is None or marker.evaluate():
        assert Version(version(name)) >= floor


@pytest.mark.parametrize("name", SAFE)
def test_no_floor_is_below_the_first_safe_version(name: str) -> None:
    floor = _floor(_REQUIREMENTS[name])
    assert floor is not None
    assert floor >= Version(SAFE[name])


def test_a_floor_that_is_missing_is_seen() -> None:
    assert _floor(Requirement("aiohttp<4")) is None
    assert _floor(Requirement("aiohttp>=3.14.4,<4")) == Version("3.14.4")
