"""Exceptions and other texts from outside, as an event can hold them."""

from __future__ import annotations

import traceback

_LONGEST_MESSAGE, _LONGEST_TRACE, _LONGEST_TYPE = 2_000, 4_000, 200  # characters
_FRAMES = 5


def error_type(error: BaseException) -> str:
    """The name of an exception's class, as an event can hold it."""
    name = type(error).__name__[:_LONGEST_TYPE]
    return name if name.isprintable() and name else "Exception"


def error_message(error: BaseException) -> str:
    """An exception's message, or the name of its class where it has none, or its ``str()`` fails."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # whatever it raises, the exception itself is what counts
        text = ""
    return clean_text(text) or error_type(error)


def clean_text(text: str, limit: int = _LONGEST_MESSAGE) -> str:
    """A text as an event can hold it: without NUL and lone surrogates, and of at most ``limit`` characters."""
    shown = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return shown.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def trace_tail(error: BaseException) -> str:
    """The last frames of an exception's traceback, and what it says; at most 4,000 characters."""
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-_FRAMES)
    except Exception:  # noqa: BLE001  # an exception whose str() or repr() fails
        lines = traceback.format_tb(error.__traceback__, limit=-_FRAMES)
    text = "".join(lines)
    # The end says what happened and where.
    return clean_text(text if len(text) <= _LONGEST_TRACE else f"…{text[-_LONGEST_TRACE + 1 :]}", _LONGEST_TRACE)
