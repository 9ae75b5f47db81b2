"""Where a stream begins, and what its client must be told about that: the same for every transport."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tracker.errors import InvalidQuery
from tracker.store.base import LogHead

ID_SEPARATOR = "@"


class Start(Struct, frozen=True):
    """The stream begins after this position; ``notices`` are sent before it."""

    after: int
    notices: tuple[dict[str, Any], ...] = ()


def start_at(after: int, epoch: str | None, head: LogHead) -> Start:
    """Begin after a cursor of the log ``epoch`` (None: of this one).

    Raises:
        InvalidQuery: If the cursor is beyond the log's head, and does not say that it is of this log.
    """
    notices: list[dict[str, Any]] = []
    # A cursor of this very log and beyond its head: the log went back in time, and nobody noticed yet.
    if epoch is not None and (epoch != head.epoch or after > head.position):
        notices.append({"type": "reset", "epoch": head.epoch, "head": head.position})
        after = 0
    if after > head.position:
        raise InvalidQuery("after", after, f"is beyond the head of the log, {head.position}")
    if after < head.horizon:
        notices.append({"type": "truncated", "after": after, "horizon": head.horizon})
    return Start(after, tuple(notices))


def cursor_id(position: int, epoch: str) -> str:
    """A cursor that names its log: the ``id:`` of Server-Sent Events."""
    return f"{position}{ID_SEPARATOR}{epoch}"


def read_cursor_id(text: str) -> tuple[int, str | None]:
    """The position and epoch of a cursor's text; the epoch may be missing.

    Raises:
        InvalidQuery: If it is no such text.
    """
    position, _, epoch = text.partition(ID_SEPARATOR)
    if not (position.isascii() and position.isdigit() and len(position) <= 16):
        raise InvalidQuery("cursor", text, "is not one that this server gave")
    return int(position), epoch or None
