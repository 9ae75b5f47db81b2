"""What a command prints, read as it comes: the percentages in it, and its last lines."""

from __future__ import annotations

import re
from collections import deque

from tracker.error_texts import clean_text

PERCENTAGE = r"(?<![\d.,])(\d{1,3}(?:[.,]\d+)?)\s?%"
_LONGEST_LINE = 8_192  # bytes of a line without an end that are looked at
_LAST_LINES = 20
_SHOWN = 500  # characters of a line
_ENDS = re.compile(rb"[\r\n]+")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class Percentages:
    """The latest percentage in a stream of bytes, and the line it stands in. One thread.

    A line ends with a newline or a carriage return, and is looked at also before its end: a progress bar may never
    come to it.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        """``pattern``: one group is the percentage; two are how much is done, and of how much."""
        self._pattern = pattern
        self._begun = b""

    def find(self, output: bytes) -> tuple[float, str] | None:
        """The last one, 0 to 100, in what the new output completes or goes on; None if there is none."""
        lines = _ENDS.split(self._begun + output)
        self._begun = lines[-1][-_LONGEST_LINE:]
        for line in reversed(lines):
            text = _plain(line)
            for match in reversed(list(self._pattern.finditer(text))):
                if (percent := _percent(match)) is not None:
                    # Of a long line the part around it.
                    return percent, clean_text(text[max(0, match.end() - _SHOWN) :], _SHOWN)
        return None


class LastLines:
    """The last 20 lines of a stream of bytes, as a terminal would show them. One thread.

    Of a line that is overwritten after a carriage return the last version is kept.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._begun = b""

    def add(self, output: bytes) -> None:
        """Go on with the next output."""
        *lines, begun = (self._begun + output).split(b"\n")
        self._lines.extend(_last_version(line) for line in lines[-_LAST_LINES:])
        self._begun = begun[-_LONGEST_LINE:]

    def lines(self) -> list[str]:
        """The lines, oldest first; without escape sequences and control characters."""
        begun = _last_version(self._begun)
        return [*self._lines, begun][-_LAST_LINES:] if begun else list(self._lines)


def _last_version(line: bytes) -> str:
    versions = [version for version in line.split(b"\r") if version.strip()]
    return clean_text(_plain(versions[-1]), _SHOWN) if versions else ""


def _plain(line: bytes) -> str:
    """A line as text, without escape sequences and control characters."""
    text = _ESCAPES.sub("", line[-_LONGEST_LINE:].decode(errors="replace")).replace("\t", " ")
    return "".join(char for char in text if char.isprintable()).strip()


def _percent(match: re.Match[str]) -> float | None:
    try:
        numbers = [float(group.replace(",", ".")) for group in match.groups()[:2] if group is not None]
        percent = numbers[0] if len(numbers) == 1 else 100 * numbers[0] / numbers[1]
    except (ValueError, ArithmeticError, IndexError):
        return None
    return percent if 0 <= percent <= 100 else None
