"""The settings of a tracker and its server, from flags, the environment, and a TOML file, in that order."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from tracker.errors import InvalidSetting

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SHORTEST_INTERVAL_SECONDS = 0.01  # what is done at every interval would leave no time for anything else
_LONGEST_SECONDS = 9e9  # 285 years; what threads can wait, and the clock in microseconds can hold
PREFIX = "TRACKER_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Each field is ``TRACKER_<NAME>`` in the environment and ``<name>`` in the file."""

    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 5100
    keep_for_seconds: float = 30 * 86_400
    prune_interval_seconds: float = 3600
    queue_events: int = 100_000
    queue_bytes: int = 64 * 1024 * 1024
    queue_timeout_seconds: float = 30
    batch_events: int = 5_000
    ring_events: int = 20_000
    ring_bytes: int = 16 * 1024 * 1024
    send_timeout_seconds: float = 10
    ping_interval_seconds: float = 25
    checkpoint_interval_seconds: float = 15
    max_clients: int = 12_000
    max_clients_per_address: int = 1_000
    require_token: bool = False
    insecure: bool = False
    allowed_hosts: str = ""
    allowed_origins: str = ""
    trust_proxy: str = ""
    auth_timeout_seconds: float = 10
    tls_cert: str = ""
    tls_key: str = ""
    requests_per_second: int = 500
    body_timeout_seconds: float = 20
    log_format: str = "text"
    log_level: str = "info"
    log_requests: bool = False
    url: str = ""
    token: str = field(default="", repr=False)
    spool: bool = True
    spool_folder: str = ""

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> Self:
        """Settings from flags (those that are not None), else the environment, else the file, else the default.

        The file is the one given, or that of ``TRACKER_CONFIG``, or ``jobreel/tracker.toml`` in the user's
        configuration folder if it exists.

        Raises:
            InvalidSetting: If a name is not known, a value not of its kind, or a file that was named is not there.
        """
        environ = os.environ if environ is None else environ
        values = _from_file(file, environ)
        for one in fields(cls):
            text = environ.get(PREFIX + one.name.upper())
            if text:
                values[one.name] = text
        values.update({name: value for name, value in (flags or {}).items() if value is not None})
        known = {one.name: type(one.default) for one in fields(cls)}
        for name in values:
            if name not in known:
                raise InvalidSetting(name, values[name], f"is not a setting; there are {', '.join(known)}")
        read = {name: _read(name, known[name], value) for name, value in values.items()}
        return cls(**{**read, "database_url": read.get("database_url") or default_database_url()})


def default_database_url() -> str:
    """The log in the user's data folder."""
    from platformdirs import user_data_path

    path = (user_data_path("jobreel", appauthor=False) / "tracker.db").as_posix()
    # A database URL decodes percent signs and ends at a question mark; a home folder may have either.
    return f"sqlite:///{path.replace('%', '%25').replace('?', '%3F')}"


def duration_seconds(setting: str, text: str) -> float:
    """``"7d"``, ``"12h"``, ``"90m"``, ``"30s"``, ``"2w"`` or a plain number of seconds.

    Raises:
        InvalidSetting: If it is none of these.
    """
    match = _DURATION.fullmatch(text.strip())
    try:
        seconds = float(match[1]) * _UNITS[match[2]] if match else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_SECONDS:
        raise InvalidSetting(setting, text, "must be a time such as 30s, 90m, 12h, 7d, 2w, or seconds")
    return seconds


def _from_file(file: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    named = file or (Path(environ["TRACKER_CONFIG"]) if environ.get("TRACKER_CONFIG") else None)
    path = named or _default_file()
    if named is None and not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting("config", str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidSetting("config", str(path), f"is not TOML: {error}") from error


def _default_file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("jobreel", appauthor=False) / "tracker.toml"


def _read(name: str, kind: type, value: Any) -> Any:
    if kind is str and isinstance(value, str):
        return value
    if kind is bool:
        return _read_switch(name, value)
    if name.endswith("_seconds"):
        return _read_seconds(name, value)
    if kind is int and not isinstance(value, bool):
        return _read_count(name, value)
    raise InvalidSetting(name, value, f"must be a {kind.__name__}")


def _read_seconds(name: str, value: Any) -> float:
    seconds = duration_seconds(name, str(value))
    if name.endswith("_interval_seconds") and seconds < _SHORTEST_INTERVAL_SECONDS:
        raise InvalidSetting(name, value, f"must be {_SHORTEST_INTERVAL_SECONDS:g} seconds or more")
    return seconds


def _read_switch(name: str, value: Any) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    switch = value if isinstance(value, bool) else known.get(str(value).strip().lower())
    if switch is None:
        raise InvalidSetting(name, value, "must be true or false")
    return switch


def _read_count(name: str, value: Any) -> int:
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        count = -1
    low, high = (0, 65_535) if name == "port" else (1, 2**40)
    if not low <= count <= high or str(count) != str(value).strip():
        raise InvalidSetting(name, value, f"must be a whole number from {low} to {high}")
    return count
