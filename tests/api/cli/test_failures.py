from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from api.cli.failures import Command, Failure
from api.cli.group import tracker
from tracker.errors import JobNotFound
from tracker.store.sqlite import SqliteStore


def _run(error: Exception, *args: str) -> Result:
    @click.command(cls=Command)
    @click.option("--json", "as_json", is_flag=True)
    def failing(as_json: bool) -> None:
        raise error

    return CliRunner().invoke(failing, args)


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (JobNotFound("j"), "Job 'j' is not known: call start_job first.", "job_not_found"),
        (Failure("It did not work.", "no_luck"), "It did not work.", "no_luck"),
        (PermissionError(errno.EACCES, "Permission denied", "log.db"), "Permission denied: log.db", "system_error"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device", "system_error"),
        (TimeoutError(), "TimeoutError", "system_error"),
    ],
)
def test_what_goes_wrong_is_one_line_or_one_body(error: Exception, line: str, code: str) -> None:
    told = _run(error)
    assert (told.exit_code, told.stdout, told.stderr) == (1, "", f"Error: {line}\n")
    body = _run(error, "--json")
    assert (body.exit_code, body.stderr) == (1, "")
    assert {"success": False, "error": line, "code": code}.items() <= json.loads(body.stdout).items()


def test_a_defect_of_ours_is_not_hidden() -> None:
    assert isinstance(_run(KeyError("oops")).exception, KeyError)


@contextmanager
def _somebody_else() -> Iterator[None]:
    """As a user whom files can be closed to: root reads everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_log_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    SqliteStore(path).close()
    runner = CliRunner()
    # First as who may: whatever the command loads is loaded then, wherever it lies.
    assert runner.invoke(tracker, ["--database", str(path), "status"]).exit_code == 0
    path.chmod(0o000)
    with _somebody_else():
        result = runner.invoke(tracker, ["--database", str(path), "status"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
