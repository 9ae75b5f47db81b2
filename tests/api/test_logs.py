"""The log of the server's process: one event is one line, whatever was sent, and no secret is in it."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp.http_exceptions import BadStatusLine

from api import logs
from tracker import tokens
from tracker.errors import InvalidSetting

Lines = Callable[[], list[str]]
_TOKEN, _STORED = tokens.make("lightroom", ["report"], now=0)
_SECRET = _TOKEN.split("_")[2]
_log = logging.getLogger("tracker")
_UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
# A line break of each kind, an escape sequence, C1, directions, a lone surrogate, what has no width, NUL.
_NASTY = "a\nb\r\vc\x85d\u2028e\x1b[31mf\x9bg\u202eh\u2066i\ud800j\u200bk\x00l\x7fm"
_FORGED = "\n2026-01-01T00:00:00.000000Z error   tracker: forged"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What was written to standard error since the last time; the logging of the tests is put back."""
    loggers = [logging.getLogger(name) for name in ("", "tracker", "api")]
    levels = [logger.level for logger in loggers]
    handlers = list(loggers[0].handlers)
    yield lambda: capsys.readouterr().err.split("\n")[:-1]
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def _raise(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        _log.exception("It failed: %s", text)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("text", [_NASTY, _FORGED])
def test_one_event_is_one_line_whatever_it_quotes(lines: Lines, log_format: str, text: str) -> None:
    logs.configure(log_format, "info")
    _log.info("Somebody sent %s", text, extra={"sent": text})
    _raise(text)
    logging.getLogger(text).error("from a logger of that name")
    written = lines()
    assert len(written) == 3
    for line in written:
        assert line.isprintable()
        assert line.encode()
    # The control: a formatter of the standard library writes what it is given.
    plain = logging.Formatter().format(logging.makeLogRecord({"msg": text}))
    assert not plain.isprintable()


def test_json_gives_back_what_was_logged(lines: Lines) -> None:
    logs.configure("json", "info")
    _log.info("Somebody sent %s", "Größe 😀 \\ \"'", extra={"sent": _NASTY, "count": 3, "odd": {1, 2}})
    (line,) = lines()
    fields = json.loads(line)
    assert list(fields)[:4] == ["timestamp", "level", "logger", "event"]
    assert re.fullmatch(_UTC, fields.pop("timestamp"))
    assert fields == {
        "level": "info",
        "logger": "tracker",
        "event": "Somebody sent Größe 😀 \\ \"'",
        "sent": _NASTY,
        "count": 3,
        "odd": "{1, 2}",
    }
    assert "Größe 😀" in line


def test_text_is_for_people(lines: Lines) -> None:
    logs.configure("text", "info")
    _log.warning("Events up to %d of Größe 😀 are missing", 7, extra={"more": "left out"})
    (line,) = lines()
    assert re.fullmatch(rf"{_UTC} warning tracker: Events up to 7 of Größe 😀 are missing", line)


@pytest.mark.parametrize(("text", "shown"), [("a\nb", r"a\nb"), ("\x1b[31m", r"\x1b[31m"), ("\u202e", r"\u202e")])
def test_what_is_escaped_can_still_be_read(lines: Lines, text: str, shown: str) -> None:
    logs.configure("text", "info")
    _log.info("%s", text)
    assert lines()[0].endswith(f"tracker: {shown}")
    assert logs.clean(text) == shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_exception_is_on_the_line_with_its_traceback(lines: Lines, log_format: str) -> None:
    logs.configure(log_format, "info")
    _raise("lost")
    (line,) = lines()
    for part in ("It failed: lost", "Traceback (most recent call last)", "in _raise", "ValueError: lost"):
        assert part in line


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("length", [len(_TOKEN), 60, 30])
def test_no_token_is_logged_wherever_it_stands(lines: Lines, log_format: str, length: int) -> None:
    token = _TOKEN[:length]
    logs.configure(log_format, "info")
    _log.info("Authorization: Bearer %s", token, extra={"header": [token], token: token})
    _log.info(f"b'{token}'\n{token}")
    _raise(f"key={token}")
    logging.getLogger("asyncio").error("%r", {token: b"%b" % token.encode()}, stack_info=True)
    written = "\n".join(lines())
    assert f"jobreel_{_STORED.token_id}_…" in written
    assert _SECRET[:8] not in written
    assert written.count("\n") == 3


def test_what_only_begins_like_a_token_is_logged(lines: Lines) -> None:
    for text in ("jobreel_demo", "jobreel_4fQx9sKd2m", "tracker token create", "jobreel_short_secret"):
        assert logs.redacted(text) == text


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_the_level_is_that_of_the_tracker_and_libraries_are_heard_from_warnings_on(
    lines: Lines, level: str, ours: list[str], theirs: list[str]
) -> None:
    logs.configure("json", level)
    for name in ("tracker", "tracker.requests", "api.demo", "aiohttp.server", "asyncio"):
        for severity in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), severity)("said")
    heard: dict[str, list[str]] = {}
    for line in lines():
        fields = json.loads(line)
        heard.setdefault(fields["logger"], []).append(fields["level"])
    assert heard == dict.fromkeys(("tracker", "tracker.requests", "api.demo"), ours) | dict.fromkeys(
        ("aiohttp.server", "asyncio"), theirs
    )


@pytest.mark.parametrize(
    ("log_format", "level", "setting"),
    [
        ("xml", "info", "log_format"),
        ("", "info", "log_format"),
        ("json", "loud", "log_level"),
        ("text", "", "log_level"),
    ],
)
def test_what_is_no_format_or_level_is_refused_and_changes_nothing(log_format: str, level: str, setting: str) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(InvalidSetting, match=f"^{setting}: must be ") as caught:
        logs.configure(log_format, level)
    assert caught.value.setting == setting
    assert logging.getLogger().handlers == before


def test_configured_again_it_writes_each_event_once(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("json", "info")
    logs.configure("text", "info")
    _log.info("once")
    assert [line.split("tracker: ")[1] for line in lines()] == ["once"]


def test_a_request_that_cannot_be_read_is_its_senders_mistake(lines: Lines) -> None:
    logs.configure("json", "info")
    error = BadStatusLine("GET /jobs?secret=1 HTTP/9")
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "192.0.2.1", exc_info=error)
    logging.getLogger("aiohttp.server").error(
        "Error handling request from %s", "192.0.2.1", exc_info=ValueError("ours")
    )
    theirs, ours = (json.loads(line) for line in lines())
    assert theirs["event"] == "Error handling request from 192.0.2.1: BadStatusLine"
    assert (theirs["level"], "exception" in theirs) == ("warning", False)
    assert (ours["level"], "ValueError: ours" in ours["exception"]) == ("error", True)


def test_a_log_that_cannot_be_written_does_not_end_what_it_tells_of(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure("text", "info")
    failures: list[Any] = []

    class Full:
        def write(self, text: str) -> None:
            raise OSError("no space left")

    monkeypatch.setattr(logging.Handler, "handleError", lambda _, record: failures.append(record.getMessage()))
    monkeypatch.setattr(sys, "stderr", Full())
    _log.info("lost")
    assert failures == ["lost"]
