"""``tracker serve``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.failures import Command
from api.cli.options import database_option, host_option, load_settings, log_path, port_option, server_url

if TYPE_CHECKING:
    from api.cli.signals import StopRequest
    from api.tls import Certificate
    from tracker.settings import Settings

_DEFAULT_PORT = 5100
_FILE = click.Path(path_type=Path)


def _switch(name: str, text: str) -> Callable[[Any], Any]:
    """A flag that leaves the setting alone unless it is given."""
    return click.option(name, is_flag=True, default=None, help=text)


@click.command(cls=Command)
@host_option
@port_option
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Serve https and wss with this certificate chain (PEM).")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its private key (PEM, without a passphrase).")
@_switch("--require-token", "Ask for a token on loopback too.")
@_switch("--insecure", "Ask nobody for a token, not even other machines.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Answer to this name too; may be repeated.")
@click.option("--allow-origin", multiple=True, metavar="URL", help="Serve the pages of this site; may be repeated.")
@click.option("--trust-proxy", metavar="LIST", help="Addresses of proxies whose X-Forwarded-For is believed.")
@click.option("--log-format", metavar="text|json", help="How to log, to standard error.  [default: text]")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]")
@_switch("--log-requests", "Log each request, without its query.")
@click.option("--migrate", is_flag=True, help="Bring a PostgreSQL log of an older version to this one first.")
@database_option
def serve(
    database: str | None,
    migrate: bool,
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    **flags: str | int | Path | None,
) -> None:
    """Serve the log over HTTP and WebSocket, until Ctrl-C.

    Programs report their jobs to it, and watch those of others. It makes the log where there is none. Each option is
    also a setting: TRACKER_TLS_CERT in the environment, tls_cert in the file of --config. A renewed certificate is
    taken up within half a minute, or on SIGHUP at once, and nobody is disconnected for it.
    """
    from api import logs, tls
    from api.cli.signals import stopping
    from tracker import event_loops

    lists = {"allowed_hosts": ",".join(allow_host) or None, "allowed_origins": ",".join(allow_origin) or None}
    given = {name: str(value) if isinstance(value, Path) else value for name, value in flags.items()}
    settings = load_settings(database, **given, **lists)
    logs.configure(settings.log_format, settings.log_level)
    tls.hold_little()
    certificate = tls.certificate(settings)
    with stopping(certificate.ask_to_reload if certificate else None) as stop:
        event_loops.run(_serve(settings, stop, certificate, migrate), settings.database_url)


async def _serve(
    settings: Settings, stop: StopRequest, certificate: Certificate | None = None, migrate: bool = False
) -> None:
    from api.serving import serving, url
    from tracker.runtime import Tracker

    with Tracker(settings, migrate=migrate) as tracker:
        async with serving(tracker, settings.host, settings.port, certificate) as port:
            _introduce(settings, url(settings.host, port, is_secure=bool(settings.tls_cert)))
            await stop.made()
            click.echo("Stopping: clients resume with their cursors, what was accepted is written.")
    click.echo("Stopped.")


def _introduce(settings: Settings, url: str) -> None:
    click.echo(f"Serving on {url}{_elsewhere(settings.host)}")
    click.echo(f"  log    {log_path(settings.database_url)}")
    click.echo(f"  watch  tracker tail{'' if url == server_url('', _DEFAULT_PORT) else f' --url {url}'}")
    click.echo("  stop   Ctrl-C")
    if settings.insecure and not _is_loopback(settings.host):
        _warn(
            f"{settings.host or 'every address'} can be reached from other machines, and with --insecure nobody is "
            "asked for a token: whoever reaches it can read the log and write to it.",
            settings.log_format,
        )


def _warn(text: str, log_format: str) -> None:
    if log_format == "json":
        import logging

        logging.getLogger("tracker").warning("%s", text)  # who reads JSON there reads nothing else
    else:
        click.secho(f"Warning: {text}", fg="yellow", err=True)


def _elsewhere(host: str) -> str:
    is_everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104  # what the user asked for
    return " and every other address of this machine" if is_everywhere else ""


def _is_loopback(host: str) -> bool:
    from api.origins import is_loopback

    return is_loopback(host)
