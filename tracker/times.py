"""Time as the tracker keeps it: integer microseconds since 1970, UTC; ISO 8601 with ``Z`` for people."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """The system's UTC clock in microseconds since 1970."""
    return time.time_ns() // 1000


def iso(microseconds: int) -> str:
    """``1762684200000000`` as ``2025-11-09T10:30:00.000000Z``."""
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return f"{_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def microseconds(text: str) -> int:
    """What :func:`iso` was given; ``ValueError`` for what it did not write."""
    moment = datetime.fromisoformat(text)
    return (moment - _EPOCH) // timedelta(microseconds=1)
