"""The way of a process that is recorded to say, in its trace, what it was promised."""

from __future__ import annotations

import ctypes

_mark = ctypes.CDLL(None).power_loss_mark
_mark.argtypes = [ctypes.c_int64, ctypes.c_char_p]


def mark(number: int, of: str) -> None:
    """Note a promise at the moment it is given: its number, and of which job or file it is."""
    _mark(number, of.encode())
