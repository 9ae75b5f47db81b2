from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from tracker import __version__

from .conftest import Run

_COMMANDS = (
    "demo",
    "serve",
    "status",
    "show",
    "stats",
    "tail",
    "timeline",
    "diff",
    "replay",
    "run",
    "migrate",
    "rebuild",
    "verify",
    "doctor",
    "backup",
    "new-epoch",
    "prune",
    "export",
    "import",
    "copy",
    "token",
    "audit",
    "lightroom",
)


def test_help_says_what_it_is_shows_three_examples_and_where_the_log_is(tmp_path: Path) -> None:
    shown = CliRunner().invoke(tracker, ["--help"], prog_name="tracker").stdout
    assert "Track the progress of jobs" in shown
    for example in ("tracker demo ", "tracker status ", "tracker serve "):
        assert example in shown
    assert "tracker.db" in "".join(line.strip() for line in shown.splitlines())
    assert [line.split()[0] for line in shown.split("Commands:\n")[1].splitlines()[: len(_COMMANDS)]] == list(_COMMANDS)


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: tracker {command}")


def test_version() -> None:
    assert CliRunner().invoke(tracker, ["--version"]).stdout == f"jobreel {__version__}\n"


def test_python_m_tracker_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "tracker", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: tracker [OPTIONS] COMMAND")


def test_help_loads_neither_a_database_nor_a_server_nor_tables() -> None:
    heavy = ("sqlalchemy", "aiohttp", "alembic", "rich.table", "PIL", "asyncio")
    code = f"import sys, api.cli.group; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_misspelt_command_is_a_usage_error(run: Run) -> None:
    result = run("statsu")
    assert result.exit_code == 2
    assert "No such command 'statsu'" in result.stderr
