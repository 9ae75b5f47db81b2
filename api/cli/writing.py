"""Writing beside the owner of a log, from a command: its tokens, and who does it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from api.cli.failures import Failure
from api.cli.terminal import plain

if TYPE_CHECKING:
    from tracker.store.token_table import TokenTable

_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_LONGEST_NAME = 200


@contextmanager
def token_table(url: str) -> Iterator[TokenTable]:
    """The tokens of the log at a database URL; makes or migrates the log where nobody writes it.

    Raises:
        Failure: If another process writes it, and it is of an older version.
        StoreError: If it cannot be opened.
    """
    table = _opened(url)
    try:
        yield table
    finally:
        table.close()


def actor() -> str:
    """Who runs this command, as the audit trail names it: the operating system's user."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # which one depends on the version of Python
        name = ""
    return plain(name, _LONGEST_NAME) or _user_number()


def _opened(url: str) -> TokenTable:
    from tracker.errors import StoreOwned
    from tracker.store import open_token_table

    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return open_token_table(url)
        except StoreOwned as error:
            # Who is just starting makes the tables in a moment.
            if time.monotonic() >= deadline:
                owner = f"process {error.pid}" if error.pid else "another process"
                reason = f"{error.path} is of an older version, and {owner} is writing it."
                raise Failure(f"{reason} Stop it, and run this again.", error.code) from error
            time.sleep(_PAUSE_SECONDS)


def _user_number() -> str:
    # A container may run as a user that has no name; Windows has no numbers.
    number = getattr(os, "getuid", None)
    return f"user {number()}" if number else "unknown"
