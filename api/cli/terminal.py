"""The terminal: how wide it is, what it can show, and what must not reach it."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

# Columns of output that goes to a file or another program: nobody's screen is wide, and nothing must be cut.
_PIPED_WIDTH = 160


def output() -> Console:
    """Standard output: as wide as the terminal, else 160 columns; without colours where they are not wanted."""
    return _console(stderr=False)


def errors() -> Console:
    """Standard error, for what is said beside the output."""
    return _console(stderr=True)


def plain(text: object, limit: int = 4000) -> str:
    """Text from outside on one line: without control, escape and direction characters."""
    shown = "".join(char if char.isprintable() else " " for char in str(text)).strip()
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def replace_unprintable() -> None:
    """Let output in a narrow encoding show ``?`` for what it cannot say, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class Pipe(Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError

    console = Pipe(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console
