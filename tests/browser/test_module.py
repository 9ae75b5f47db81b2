"""The module alone, in Node.js: its behaviour, by Node's own test runner, and its types, by the TypeScript compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = HERE / "node_modules" / ".bin" / "tsc"


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}", pytrace=False)


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.fail("Node.js 20 or later must be installed: there is no command node.", pytrace=False)
    return found


def compile_types(project: str) -> None:
    node()
    if not COMPILER.exists():
        pytest.fail("TypeScript must be installed: npm install --prefix tests/browser", pytrace=False)
    run(COMPILER, "--project", project)


def test_the_module_does_what_its_tests_say() -> None:
    run(node(), "--test", "--test-reporter=spec", *sorted(HERE.glob("*.test.mjs")))


def test_a_page_in_typescript_compiles_and_its_mistakes_do_not() -> None:
    compile_types("tsconfig.json")


def test_the_module_is_what_its_types_say() -> None:
    compile_types("tsconfig.module.json")
