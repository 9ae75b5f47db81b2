"""Options that several commands share, and the settings they come to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import click

if TYPE_CHECKING:
    from tracker.settings import Settings

_SQLITE = "sqlite:///"


def asked(value: str) -> str:
    """What is looked for. Bytes that are no UTF-8 stand as U+FFFD: nothing has that name, and it can be shown."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return os.fsencode(value).decode("utf-8", "replace")
    return value


database_option = click.option(
    "--database",
    metavar="URL",
    help="The log: a file, sqlite:///FILE or postgresql://HOST/NAME.  [env: TRACKER_DATABASE_URL]",
)
host_option = click.option("--host", help="The server's address.  [env: TRACKER_HOST; default: 127.0.0.1]")
port_option = click.option(
    "--port", type=click.IntRange(0, 65_535), metavar="N", help="The server's port.  [env: TRACKER_PORT; default: 5100]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, errors too.")

as_of_option = click.option(
    "--as-of", metavar="PLACE", help="As it was: at a position of the log, or at a time such as 2025-11-09T10:30:00Z."
)


@dataclass(frozen=True, slots=True)
class Given:
    """What was given before the command: the flags of the group."""

    database: str | None = None
    config: Path | None = None


def load_settings(database: str | None = None, **flags: Any) -> Settings:
    """The settings of the running command: its flags, the group's, the environment, the file, the defaults.

    Raises:
        InvalidSetting: See :meth:`tracker.settings.Settings.load`.
    """
    from tracker.settings import Settings

    given = click.get_current_context().find_object(Given) or Given()
    named = database if database is not None else given.database
    url = None if named is None else database_url(named)
    return Settings.load({"database_url": url, **flags}, file=given.config)


def given_flags() -> str:
    """The flags that name the log and the settings of the running command, to write behind ``tracker``."""
    import shlex

    context = click.get_current_context()
    given = context.find_object(Given) or Given()
    named = {"--database": context.params.get("database") or given.database, "--config": given.config}
    return "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in named.items() if value)


def database_url(named: str) -> str:
    """A database as it is named on the command line, as a URL: a path is the SQLite file there.

    Raises:
        InvalidSetting: If it is empty, or in the home folder of nobody.
    """
    from tracker.errors import InvalidSetting

    if "://" in named:
        return named
    if not named.strip():
        raise InvalidSetting("database", named, "must name a file, or be a sqlite:/// or postgresql:// URL")
    try:
        path = Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise InvalidSetting("database", named, "is in a home folder that does not exist") from error
    # In a URL, % and ? mean something; in a file's name they do not.
    return _SQLITE + quote(path.as_posix(), safe="/:")


def log_path(url: str) -> str:
    """The log as a person knows it: the path of its file, or a database without the password."""
    if not url.startswith(_SQLITE):
        from sqlalchemy import make_url

        return make_url(url).render_as_string()
    return str(Path(unquote(url.removeprefix(_SQLITE))).expanduser().absolute())


def server_url(host: str, port: int) -> str:
    """Where a client on this machine finds a server that listens on ``host``."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104  # not listening there, but reaching what does
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
