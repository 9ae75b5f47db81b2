from __future__ import annotations

import subprocess
import sys

import pytest

import api.demo


@pytest.mark.parametrize("name", ["run_demo", "make_samples"])
def test_without_pillow_there_is_one_clear_error(name: str) -> None:
    program = f"""
import sys
sys.modules["PIL"] = None
from api.demo import DemoError, DemoView, find_photos
try:
    from api.demo import {name}
except DemoError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "the demo needs Pillow: pip install 'jobreel[demo]'\n"


def test_all_that_is_promised_is_there() -> None:
    assert all(getattr(api.demo, name) for name in api.demo.__all__)
    with pytest.raises(AttributeError):
        api.demo.nonsense  # noqa: B018
