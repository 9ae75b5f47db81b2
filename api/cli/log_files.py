"""What ``tracker export`` and ``tracker replay`` share: places in the log."""

from __future__ import annotations


def place(text: str | None) -> int | str | None:
    """A place as the protocol has it: what is all digits is a position."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 16 else text
