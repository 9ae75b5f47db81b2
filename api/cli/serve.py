"""``tracker serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.cli.failures import Command
from api.cli.options import database_option, host_option, load_settings, log_path, port_option, server_url

if TYPE_CHECKING:
    from api.cli.signals import StopRequest
    from tracker.settings import Settings

_DEFAULT_PORT = 5100


@click.command(cls=Command)
@host_option
@port_option
@database_option
def serve(host: str | None, port: int | None, database: str | None) -> None:
    """Serve the log over HTTP and WebSocket, until Ctrl-C.

    Programs report their jobs to it, and watch those of others. It makes the log where there is none.
    """
    import asyncio

    from api.cli.signals import stopping

    settings = load_settings(database, host=host, port=port)
    _log_to_stderr()
    with stopping() as stop:
        asyncio.run(_serve(settings, stop))


async def _serve(settings: Settings, stop: StopRequest) -> None:
    from api.serving import serving
    from tracker.runtime import Tracker

    with Tracker(settings) as tracker:
        async with serving(tracker, settings.host, settings.port) as port:
            _introduce(settings, port)
            await stop.made()
            click.echo("Stopping: clients resume with their cursors, what was accepted is written.")
    click.echo("Stopped.")


def _introduce(settings: Settings, port: int) -> None:
    url = server_url(settings.host, port)
    click.echo(f"Serving on {url}{_elsewhere(settings.host)}")
    click.echo(f"  log    {log_path(settings.database_url)}")
    click.echo(f"  watch  tracker tail{'' if url == server_url('', _DEFAULT_PORT) else f' --url {url}'}")
    click.echo("  stop   Ctrl-C")
    if not _is_loopback(settings.host):
        click.secho(
            f"Warning: {settings.host or 'every address'} can be reached from other machines. Whoever reaches it can "
            "read the log and write to it; access control comes with a later version.",
            fg="yellow",
            err=True,
        )


def _elsewhere(host: str) -> str:
    is_everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104  # what the user asked for, with a warning
    return " and every other address of this machine" if is_everywhere else ""


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("tracker").setLevel(logging.INFO)
