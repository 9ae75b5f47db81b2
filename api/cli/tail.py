"""``tracker tail``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec

from api.cli.failures import Command
from api.cli.options import asked, host_option, load_settings, port_option, server_url
from tracker.errors import InvalidQuery
from tracker.server_url import base_url

if TYPE_CHECKING:
    from rich.console import Console


@click.command(cls=Command)
@click.option(
    "--url", metavar="URL", envvar="TRACKER_URL", show_envvar=True, help="The server; else that of --host and --port."
)
@host_option
@port_option
@click.option(
    "--after",
    type=click.IntRange(0),
    metavar="N",
    help="Begin after this position; 0 is the whole log. Else: from now.",
)
@click.option(
    "--follow/--no-follow",
    "stays",
    default=True,
    show_default=True,
    help="Stay for what comes; else show what is in the log, from its beginning or --after, and end.",
)
@click.option("--job", "jobs", multiple=True, metavar="ID", type=asked, help="Only this job; may be repeated.")
@click.option(
    "--channel", "channels", multiple=True, metavar="NAME", help="jobs, photos, system or job:ID; else jobs and photos."
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="TRACKER_TOKEN",
    show_envvar=True,
    help="For a server that asks for one. In the environment, other users do not see it.",
)
@click.option("--json", "as_json", is_flag=True, help="Each event as its JSON message, one a line.")
def tail(
    url: str | None,
    host: str | None,
    port: int | None,
    after: int | None,
    stays: bool,
    jobs: tuple[str, ...],
    channels: tuple[str, ...],
    token: str | None,
    as_json: bool,
) -> None:
    """Show events as they happen, from a running server, until Ctrl-C.

    When the connection is lost it is made again, and goes on behind the last event shown: nothing is left out.
    """
    import asyncio

    from api.cli.live import CaughtUp, follow
    from api.cli.terminal import errors, output

    base = _base(url) if url else _settings_url(host, port)
    begin = 0 if after is None and not stays else after
    wanted = [*channels, *(f"job:{job}" for job in jobs)] or ["jobs", "photos"]
    show = _show_json if as_json else _shower(output())
    notices = errors()

    def tell(text: str) -> None:
        notices.print(text, style="yellow", soft_wrap=True)

    try:
        asyncio.run(follow(base, wanted, begin, show, tell, until_caught_up=not stays, token=token))
    except (KeyboardInterrupt, CaughtUp):
        return


def _base(url: str) -> str:
    try:
        return base_url(url)
    except InvalidQuery as error:
        raise click.BadParameter(str(error), param_hint="'--url'") from error


def _settings_url(host: str | None, port: int | None) -> str:
    settings = load_settings(host=host, port=port)
    return server_url(settings.host, settings.port)


def _show_json(event: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(event))


def _shower(console: Console) -> Callable[[dict[str, Any]], None]:
    from api.cli.event_lines import EventLines

    lines = EventLines()

    def show(event: dict[str, Any]) -> None:
        console.print(lines.line(event), soft_wrap=True)

    return show
