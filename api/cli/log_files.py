"""What ``tracker export`` and ``tracker import`` share: places in the log, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from api.cli.failures import echo_json

_BAD_INPUT = 2


def place(text: str | None) -> int | str | None:
    """A place as the protocol has it: what is all digits is a position."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 16 else text


@contextmanager
def bad_input(*, as_json: bool) -> Iterator[None]:
    """A question that makes no sense, or a file or log that does not fit: one line, and a usage error's exit code."""
    from api import problems
    from tracker.errors import InvalidEvent, LogNotEmpty
    from tracker.export_format import DamagedExport

    try:
        yield
    except (InvalidEvent, DamagedExport, LogNotEmpty) as error:
        if as_json:
            echo_json(problems.body(error))
        else:
            click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(_BAD_INPUT) from error
