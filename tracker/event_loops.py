"""The event loop that the readers of a log need."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T], database_url: str) -> _T:
    """As :func:`asyncio.run`, on a loop that can read the log."""
    with asyncio.Runner(loop_factory=loop_factory(database_url)) as runner:
        return runner.run(main)


def loop_factory(database_url: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop; None for the system's own kind.

    On Windows, psycopg's connections cannot wait on the loop that is usual there (psycopg's documentation, "Concurrent
    operations"). The other one serves at most 512 sockets, which a log in a file need not put up with.
    """
    if sys.platform == "win32" and not database_url.startswith("sqlite:"):
        return asyncio.SelectorEventLoop
    return None
