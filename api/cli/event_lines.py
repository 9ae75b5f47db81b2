"""Events as lines for people: time, job, what happened."""

from __future__ import annotations

from typing import Any, TypeAlias
from zlib import crc32

from rich.text import Text

from api.cli import wording
from api.cli.terminal import plain

_PALETTE = ("cyan", "magenta", "blue", "bright_cyan", "bright_magenta", "bright_blue")
_WIDEST_ID = 44
_STAGE = 17
_VALUE = 200
_Part: TypeAlias = str | tuple[str, str]


class EventLines:
    """Makes lines whose columns stand under each other; the jobs' grows with the longest id seen."""

    def __init__(self) -> None:
        self._width = 0

    def line(self, message: dict[str, Any]) -> Text:
        """The line of one event message."""
        job_id = plain(message.get("job_id", ""))
        self._width = min(_WIDEST_ID, max(self._width, len(job_id)))
        # The same job has the same colour in every line, and in every run.
        colour = _PALETTE[crc32(job_id.encode()) % len(_PALETTE)]
        at = wording.clock(message["timestamp"])
        return Text.assemble((at, "dim"), "  ", (f"{job_id:{self._width}}", colour), "  ", *_what(message))


def _what(message: dict[str, Any]) -> list[_Part]:
    said = {name: plain(value, _VALUE) for name, value in message.items() if isinstance(value, str)}
    stage = f"{said.get('stage', ''):{_STAGE}}"
    match message["type"]:
        case "job_started":
            return [("started", "bold"), _behind(_photo(message))]
        case "job_progress":
            done = wording.percent(message.get("progress", 0))
            return [f"{stage} {done:>5}", (_behind(said.get("message", "")), "dim")]
        case "stage_completed":
            return [f"{stage}  done"]
        case "photo_info":
            return ["photo info", (_behind(", ".join(map(plain, message.get("photo_data", {})))), "dim")]
        case "error_occurred":
            return [(f"{said.get('error_type', 'error')}: {said.get('error_message', '')}", "red")]
        case "job_completed" | "job_failed":
            return _ended(message)
    return [plain(message["type"])]


def _ended(message: dict[str, Any]) -> list[_Part]:
    took = message.get("duration")
    after = f" after {wording.duration(took)}" if isinstance(took, int | float) else ""
    return [("completed", "bold green") if message["type"] == "job_completed" else ("failed", "bold red"), after]


def _photo(message: dict[str, Any]) -> str:
    info = message.get("photo_info")
    name = info.get("file_name") if isinstance(info, dict) else None
    if name:
        return plain(name, _VALUE)
    return "" if message.get("photo_id") is None else f"photo {plain(message['photo_id'], _VALUE)}"


def _behind(text: str) -> str:
    return f"  {text}" if text else ""
