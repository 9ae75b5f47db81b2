"""Failures as people and programs see them: one line, or one JSON body; never a traceback for a user's mistake."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


class Command(click.Command):
    """A command whose failures are told as its user wants them: with ``--json``, as the body that HTTP has."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with told(as_json=bool(ctx.params.get("as_json"))):
            return super().invoke(ctx)


class Failure(click.ClickException):
    """One line on stderr and exit code 1. ``code`` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class JsonFailure(Failure):
    """The same for programs: the body on stdout."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["error"], body["code"])
        self.body = body

    def show(self, file: Any = None) -> None:  # noqa: ARG002  # click's signature
        """Print the body."""
        echo_json(self.body)


class Refusal(Failure):
    """What makes no sense: one line, and the exit code of a usage error."""

    exit_code = click.UsageError.exit_code


class JsonRefusal(JsonFailure):
    """The same for programs."""

    exit_code = click.UsageError.exit_code


def echo_json(body: object) -> None:
    """One JSON value on a line of its own: UTF-8, whatever the terminal's encoding, and at once."""
    from api import wire

    click.echo(wire.encode(body))


@contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Tell what a command raises and its user can cause; all else passes, as a defect of ours."""
    from api import problems
    from tracker.errors import InvalidQuery, TrackerError

    try:
        yield
    except TrackerError as error:
        if isinstance(error, InvalidQuery):
            raise _refusal(problems.body(error), as_json) from error
        raise _failure(problems.body(error), as_json) from error
    except Failure as error:
        raise _failure(problems.problem(error.message, error.code), as_json) from error
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        raise _failure(problems.problem(_sentence(error), "system_error"), as_json) from error


def _failure(body: dict[str, Any], as_json: bool) -> Failure:
    return JsonFailure(body) if as_json else Failure(body["error"], body["code"])


def _refusal(body: dict[str, Any], as_json: bool) -> Failure:
    return JsonRefusal(body) if as_json else Refusal(body["error"], body["code"])


def _sentence(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{reason}: {error.filename}" if error.filename else reason


def _leave_quietly() -> None:
    # Who read our output has seen enough, as `head` does; the interpreter must not try to flush the rest at its end.
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(0)
