"""``tracker doctor``."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.failures import Command, Failure, JsonFailure, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path

if TYPE_CHECKING:
    from tracker.store.examining import Finding

_WITHIN_SECONDS = 3.0
_CODE = "not_well"
_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "wrong": ("wrong", "red")}


@click.command(cls=Command, short_help="Look at the log's surroundings: versions, disk, owner, server.")
@json_option
@database_option
def doctor(as_json: bool, database: str | None) -> None:
    """Look at what the log depends on, and say what to do where something is not well; exit code 1 if it is wrong.

    Looked at are versions, the database and its known defects, the disk, the write-ahead log, the schema, who owns
    the log, and whether his server is ready. Changes nothing, also beside a server. `tracker verify` looks at the log
    itself.
    """
    url = load_settings(database).database_url
    found = list(_findings(url))
    wrong = [one for one in found if one.state == "wrong"]
    if as_json:
        body = {"success": not wrong, "log": log_path(url), "findings": found}
        if wrong:
            from api import problems

            raise JsonFailure({**body, **problems.problem(_told(wrong), _CODE)})
        echo_json(body)
        return
    click.echo(f"The log at {log_path(url)}:")
    for one in found:
        mark, color = _MARKS[one.state]
        click.echo(f"  {click.style(f'{mark:<8}', fg=color)} {one.subject}: {one.told}")
    if wrong:
        raise Failure(_told(wrong), _CODE)


def _told(wrong: list[Finding]) -> str:
    return f"Not well: {', '.join(one.subject for one in wrong)}."


def _findings(url: str) -> Iterator[Finding]:
    from tracker.store import place_of
    from tracker.store.examining import examine_database, examine_file, owner

    yield _versions()
    at = place_of(url)
    if not isinstance(at, Path):
        yield from examine_database(at)
    elif not at.is_file():
        yield _missing(at)
    else:
        yield from examine_file(at)
        found = owner(at)
        yield from _served(None if found is None else found.pid, None if found is None else found.url)


def _versions() -> Finding:
    import sqlalchemy

    from tracker import __version__
    from tracker.store.examining import Finding

    python = f"Python {platform.python_version()}, SQLAlchemy {sqlalchemy.__version__}"
    return Finding("versions", "ok", f"jobreel {__version__}, {python}, {platform.system()} {platform.release()}")


def _missing(path: Path) -> Finding:
    from tracker.store.examining import Finding

    return Finding("log", "wrong", f"There is none at {path} yet: `tracker serve` or a reporter makes it")


def _served(pid: int | None, url: str | None) -> Iterator[Finding]:
    from tracker.store.examining import Finding

    if pid is None:
        yield Finding("owner", "ok", "nobody writes the log now")
        return
    yield Finding("owner", "ok", f"process {pid}" + (f", which serves it at {url}" if url else ", without a server"))
    if url is not None:
        yield _readiness(url)


def _readiness(url: str) -> Finding:
    import json

    import urllib3

    from tracker.store.examining import Finding

    try:
        answer = urllib3.request("GET", f"{url}/readyz", timeout=_WITHIN_SECONDS, retries=False)
    except urllib3.exceptions.SSLError:
        return Finding("server", "warning", f"its certificate at {url} is not trusted here, so it was not asked")
    except urllib3.exceptions.HTTPError as error:
        return Finding("server", "wrong", f"does not answer at {url}: {error}")
    if answer.status == 200:
        return Finding("server", "ok", "ready")
    try:
        said = str(json.loads(answer.data)["error"])
    except (ValueError, KeyError, TypeError):
        said = f"answers {answer.status}"
    return Finding("server", "wrong", f"is not ready: {said}")
