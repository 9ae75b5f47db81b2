"""Time as the tracker keeps it: integer microseconds since 1970, UTC; ISO 8601 with ``Z`` for people."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MICROSECONDS = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A_ZONED_TIME = "must be a time in ISO 8601 with its zone, such as 2025-11-09T10:30:00Z"
_MAX_TEXT = 40
# Of a number below 1,000: formatting six digits takes as long as all the rest of a time.
DIGITS = tuple(f"{number:03}" for number in range(1000))


def now() -> int:
    """The system's UTC clock in microseconds since 1970."""
    return time.time_ns() // 1000


def iso(microseconds: int) -> str:
    """``1762684200000000`` as ``2025-11-09T10:30:00.000000Z``."""
    seconds, rest = divmod(microseconds, MICROSECONDS)
    return f"{iso_second(seconds)}.{DIGITS[rest // 1000]}{DIGITS[rest % 1000]}Z"


@lru_cache(maxsize=1024)
def iso_second(seconds: int) -> str:
    """The part of :func:`iso` up to the seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def microseconds(text: str) -> int:
    """What :func:`iso` was given; ``ValueError`` for what it did not write."""
    return since_epoch(datetime.fromisoformat(text))


def since_epoch(moment: datetime) -> int:
    """A moment with its zone in microseconds since 1970; negative before that."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def is_time(value: object) -> bool:
    """Whether a value is a time in ISO 8601, of at most 40 characters."""
    # fromisoformat() takes any character between date and time, a NUL and a lone surrogate too.
    if type(value) is not str or len(value) > _MAX_TEXT or not (value.isascii() and value.isprintable()):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def zoned_time(text: str) -> datetime | None:
    """The moment that a text in ISO 8601 with its zone names; None for anything else."""
    # fromisoformat() takes 20251109 too, which is rather a position that was put in quotes.
    moment = datetime.fromisoformat(text) if is_time(text) and not text.isdigit() else None
    return moment if moment is not None and moment.tzinfo is not None else None
