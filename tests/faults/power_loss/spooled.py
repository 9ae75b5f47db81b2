"""The events that a recorded spool takes."""

from __future__ import annotations


def spooled(number: int) -> bytes:
    """The text of one event; no two are alike."""
    return b"%d " % number + b"%d" % (number % 7) * (97 * number % 900)


def number_of(text: bytes) -> int | None:
    """Which event a text is; None if it is none."""
    number, _, _ = text.partition(b" ")
    return int(number) if number.isdigit() and spooled(int(number)) == text else None
