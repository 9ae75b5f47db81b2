"""The log of the server's process: one event is one line, for people or as JSON, and no line holds a secret.

Much of what is logged was sent by somebody: names, paths, what an error quotes. So control characters, which could
forge lines or steer a terminal, are escaped, and the secrets of tokens are left out, wherever they stand.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, Processor

from tracker.errors import InvalidSetting

# Those of the tracker; what others have to say matters from a warning on.
_OURS = ("tracker", "api")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OF_OTHER_FORMATTERS = ("message", "asctime")  # what they leave on a record
# Also one that was cut short: most of a secret is as good as all of it.
_TOKEN = re.compile(r"jobreel_([0-9A-Za-z]{10})_[0-9A-Za-z_]{8,}")


def configure(log_format: str, level: str) -> None:
    """Have this process log to standard error; for a process that is ours, not for a program that embeds the server.

    Args:
        log_format: ``text`` for people, or ``json``: an object a line, with the fields that a message came with.
        level: The least that is logged of the tracker: ``debug``, ``info``, ``warning``, ``error``. Libraries are
            heard from ``warning`` on.

    Raises:
        InvalidSetting: If it is none of these.
    """
    renderers: dict[str, Processor] = {"text": _as_text, "json": _as_json}
    if log_format not in renderers:
        raise InvalidSetting("log_format", log_format, "must be text or json")
    if level not in _LEVELS:
        raise InvalidSetting("log_level", level, f"must be one of {', '.join(_LEVELS)}")
    handler = _StandardError()
    handler.setFormatter(_formatter(renderers[log_format]))
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one, _StandardError)]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(_LEVELS[level])


def clean(text: str) -> str:
    """Text from outside as it may be logged: on one line, without control characters and secrets."""
    return redacted("".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text))


def redacted(text: str) -> str:
    """The text with every token reduced to its public id."""
    return _TOKEN.sub(r"jobreel_\1_…", text)


class _StandardError(logging.Handler):
    """Writes to what standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001  # logging's own way: a log that fails must not end what it tells of
            self.handleError(record)


def _formatter(renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_what_cannot_be_read,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )


def _without_what_cannot_be_read(_: Any, __: str, fields: EventDict) -> EventDict:
    # A request that is not HTTP is its sender's mistake, and no place in our code; the error quotes it with its query.
    error = (fields.get("exc_info") or (None, None))[1]
    if isinstance(error, HttpProcessingError):
        del fields["exc_info"]
        fields.update(event=f"{fields['event']}: {type(error).__name__}", level="warning")
    return fields


def _as_json(_: Any, __: str, fields: EventDict) -> str:
    first = {name: fields.pop(name) for name in ("timestamp", "level", "logger", "event")}
    rest = {name: value for name, value in fields.items() if name not in _OF_OTHER_FORMATTERS}
    line = json.dumps({**first, **rest}, ensure_ascii=False, default=repr)
    return redacted("".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line))


def _as_text(_: Any, __: str, fields: EventDict) -> str:
    parts = [fields[name] for name in ("event", "exception", "stack") if fields.get(name)]
    return clean(f"{fields['timestamp']} {fields['level']:7} {fields['logger']}: {' | '.join(parts)}")
