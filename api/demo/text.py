"""Text from outside (file names, EXIF, error messages) made safe for JSON and for a terminal."""

from __future__ import annotations

import os


def as_unicode(name: str) -> str:
    """A file name as valid Unicode; bytes that are not UTF-8 become U+FFFD."""
    try:
        return os.fsencode(name).decode("utf-8", "replace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return name.encode("utf-8", "replace").decode("utf-8")


def as_printable(text: str, limit: int = 200) -> str:
    """One line without control, escape or direction characters, at most ``limit`` characters long."""
    clean = "".join(c if c.isprintable() else " " for c in as_unicode(text)).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
