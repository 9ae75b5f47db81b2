from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from api.cli.failures import Command, Failure
from tracker.errors import JobNotFound


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


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom files can be closed to")
def test_a_log_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    from api.cli.group import tracker

    (tmp_path / "log.db").touch(mode=0o000)
    result = CliRunner().invoke(tracker, ["--database", str(tmp_path / "log.db"), "status"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
