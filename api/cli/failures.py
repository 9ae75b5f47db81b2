"""Failures as people and programs see them: one line, or one JSON body; never a traceback for a user's mistake."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

# Of errors by their code, and not by their class: what a server refuses has the code only, and ends the same.
_MISTAKES = frozenset(
    {
        # arguments, options, filters, times, positions, settings
        "invalid_query",
        "invalid_event",
        "invalid_setting",
        "event_too_large",
        "no_modules_folder",
        # what retention removed: no such place or job will be there again
        "history_pruned",
        "job_pruned",
        # the file or the log that was named does not fit
        "damaged_export",
        "log_not_empty",
    }
)
EXIT_CODES = (
    "0: it was done. "
    "1: it was asked for properly and cannot be done: no such job or file, no server, a log that is in use or damaged. "
    "2: what was given is wrong: an argument, option or setting, a time or position, also one that retention removed, "
    "or a file or log that cannot be imported. "
    "`tracker run` ends with the exit code of its command, `tracker demo` with 130 when it is interrupted."
)


def exit_code(code: str) -> int:
    """The exit code of an error's code, in every command: 2 for what the caller gave wrongly, else 1."""
    return click.UsageError.exit_code if code in _MISTAKES else click.ClickException.exit_code


class Command(click.Command):
    """A command whose failures are told as its user wants them: with ``--json``, as the body that HTTP has."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with told(as_json=bool(ctx.params.get("as_json"))):
            return super().invoke(ctx)


class Failure(click.ClickException):
    """One line on stderr, and the exit code of :func:`exit_code`. ``code`` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code(code)  # type: ignore[misc]  # click reads it of the instance


class JsonFailure(Failure):
    """The same for programs: the body on stdout."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["error"], body["code"])
        self.body = body

    def show(self, file: Any = None) -> None:  # noqa: ARG002  # click's signature
        """Print the body."""
        echo_json(self.body)


def echo_json(body: object) -> None:
    """One JSON value on a line of its own: UTF-8, whatever the terminal's encoding, and at once."""
    from api import wire

    click.echo(wire.encode(body))


@contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Tell what a command raises and its user can cause; all else passes, as a defect of ours."""
    from api import problems
    from tracker.errors import TrackerError

    try:
        yield
    except TrackerError as error:
        raise _failure(problems.body(error), as_json) from error
    except JsonFailure:
        raise
    except Failure as error:
        raise _failure(problems.problem(error.message, error.code), as_json) from error
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        raise _failure(problems.problem(_sentence(error), "system_error"), as_json) from error


def _failure(body: dict[str, Any], as_json: bool) -> Failure:
    return JsonFailure(body) if as_json else Failure(body["error"], body["code"])


def _sentence(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{reason}: {error.filename}" if error.filename else reason


def _leave_quietly() -> None:
    # Who read our output has seen enough, as `head` does; the interpreter must not try to flush the rest at its end.
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(0)
