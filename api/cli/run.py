"""``tracker run``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from api.cli.failures import Command
from api.cli.options import Given, database_option, load_settings

if TYPE_CHECKING:
    from api.cli.child import Heard
    from tracker.progress_reporter import ProgressReporter

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # what a shell ends with


def _job_id(_: click.Context, __: click.Parameter, value: str) -> str:
    from tracker.json_values import check_identifier

    return _checked(value, lambda: check_identifier("job", value))


def _stage(_: click.Context, __: click.Parameter, value: str) -> str:
    from tracker.events import JobStarted

    return _checked(value, JobStarted(stages=(value,)).check)


def _url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    from tracker.server_url import base_url

    return value if value is None else _checked(value, lambda: base_url(value))


def _checked(value: str, check: Callable[[], object]) -> str:
    from tracker.errors import InvalidEvent

    try:
        check()
    except InvalidEvent as error:
        raise click.BadParameter(f"{error}.") from error
    return value


def _pattern(_: click.Context, __: click.Parameter, value: str | None) -> re.Pattern[str]:
    from api.cli.output_lines import PERCENTAGE

    try:
        pattern = re.compile(PERCENTAGE if value is None else value)
    except re.error as error:
        raise click.BadParameter(f"is no regular expression: {error}.") from error
    if pattern.groups not in (1, 2):
        raise click.BadParameter("must have one group, the percentage, or two: how much is done, and of how much.")
    return pattern


@click.command(cls=Command, context_settings={"allow_interspersed_args": False})
@click.option("--job", required=True, metavar="ID", callback=_job_id, help="The job's id, never used before.")
@click.option("--stage", default="running", metavar="NAME", callback=_stage, help="Its stage.  [default: running]")
@click.option(
    "--pattern",
    metavar="REGEX",
    callback=_pattern,
    help="How progress looks: one group is the percentage, two are N and its total.  [default: 12% or 12.5 %]",
)
@click.option(
    "--url", metavar="URL", callback=_url, help="The server to report to, instead of the log.  [env: TRACKER_URL]"
)
@database_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def run(
    ctx: click.Context,
    job: str,
    stage: str,
    pattern: re.Pattern[str],
    url: str | None,
    database: str | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND as a job, and end with its exit code.

    \b
      tracker run --job backup-7 -- rsync -a --info=progress2 photos/ nas:photos/

    Percentages in its output become the job's progress, its exit code and its last 20 lines the result. Its output is
    passed on as it comes, and so are Ctrl-C and SIGTERM; it writes to a pipe, not to a terminal. Trouble in reporting
    is told on standard error, and does not disturb it. The server's token is that of TRACKER_TOKEN.
    """  # noqa: D301  # click's mark for a line of its own
    from api.cli.command_job import CommandJob
    from api.cli.output_lines import LastLines, Percentages

    reporting = CommandJob(lambda: _reporter(database, url), _say)
    percentages, lines = Percentages(pattern), LastLines()

    def heard(output: bytes) -> None:
        lines.add(output)
        if found := percentages.find(output):
            reporting.progress(*found)

    # Only the program's name: arguments may hold secrets, and a job is shown to whoever watches.
    reporting.start(job, stage, {"command": PurePath(command[0]).name})
    code, error = _run(command, heard)
    result: dict[str, Any] = {"exit_code": code, "output": lines.lines()}
    reporting.end({**result, "error": error} if error else result)
    ctx.exit(code)


def _run(command: tuple[str, ...], heard: Heard) -> tuple[int, str | None]:
    """The command's exit code, and what went wrong."""
    from api.cli.child import Child

    try:
        code = Child(command).run(sys.stdout.buffer, sys.stderr.buffer, heard)
    except OSError as error:
        text = f"{command[0]} cannot be run: {error.strerror or error}."
        click.echo(f"Error: {text}", err=True)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE, text
    return code, f"{PurePath(command[0]).name} ended with exit code {code}." if code else None


def _reporter(database: str | None, url: str | None) -> ProgressReporter:
    from tracker.progress_reporter import ProgressReporter

    given = click.get_current_context().find_object(Given) or Given()
    # A log that is named goes before a server that the environment names for all programs.
    is_named = url is None and (database or given.database) is not None
    return ProgressReporter(settings=load_settings(database, url="" if is_named else url))


def _say(trouble: str) -> None:
    click.echo(f"tracker run: the command goes on, but is not fully reported: {trouble}", err=True)
