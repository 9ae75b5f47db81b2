"""``tracker demo``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.failures import Command, Failure
from api.cli.options import database_option, given_flags, load_settings, log_path, server_url

if TYPE_CHECKING:
    from rich.console import Console

    from api.demo import DemoReport
    from api.websocket_server import WebSocketServer
    from tracker.progress_reporter import ProgressReporter
    from tracker.settings import Settings

_FOLDER = Path("jobreel-demo")
_SAMPLES = 24
_INTERRUPTED = 130


@click.command(cls=Command)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="Where the developed photos go.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), metavar="N", help="The server's port; else 5100, or a free one."
)
@database_option
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, output: Path | None, port: int | None, database: str | None) -> None:
    """Develop the photos in FOLDER, and watch their jobs.

    Each photo is measured, developed with a preset that suits it, checked and exported, and reports every step to the
    log and to whoever watches it on the server. Without FOLDER, 24 photos are drawn in ./jobreel-demo. Photos are
    only read; the results go to jobreel-demo/export, or to FOLDER/jobreel-export.
    """
    from api.cli.terminal import output as standard_output

    settings = load_settings(database, port=port)
    console = standard_output()
    with _demo_failures():
        photos, export = _chosen(folder, output)
        server, reporter = _open(settings, is_fixed=port is not None)
        with reporter:
            console.print(f"Live on {server_url(server.host, server.port)}: watch it with `{_tail(server)}`.")
            report = _run(console, reporter, photos or _samples(console), export)
    _say_next(console, report, settings, server.port)
    if report.interrupted:
        ctx.exit(_INTERRUPTED)


@contextmanager
def _demo_failures() -> Iterator[None]:
    from api.demo import DemoError

    try:
        yield
    except DemoError as error:
        text = str(error)
        raise Failure(f"{text[:1].upper()}{text[1:]}", "demo_failed") from error


def _chosen(folder: Path | None, output: Path | None) -> tuple[list[Path], Path]:
    """The photos, none where they are to be drawn, and where the results go."""
    from api import demo
    from api.demo.export import prepare_output

    # Asked for first, so that a missing Pillow is told before anything is made.
    _ = demo.run_demo
    if folder is None:
        return [], output or _FOLDER / "export"
    export = output or demo.default_output(folder)
    photos = demo.find_photos(folder, output=export)
    prepare_output(export, photos)
    return photos, export


def _open(settings: Settings, *, is_fixed: bool) -> tuple[WebSocketServer, ProgressReporter]:
    from api.websocket_server import WebSocketServer
    from tracker.errors import ServerError
    from tracker.progress_reporter import ProgressReporter

    server = WebSocketServer(settings.host, settings.port)
    try:
        return server, ProgressReporter(server, settings=settings)
    except ServerError:
        if is_fixed:
            raise
    click.echo(f"Port {settings.port} is taken by something else: using a free one.", err=True)
    server = WebSocketServer(settings.host, 0)
    return server, ProgressReporter(server, settings=settings)


def _samples(console: Console) -> list[Path]:
    from api.demo import find_photos, make_samples

    folder = _FOLDER / "photos"
    found = find_photos(folder) if folder.is_dir() and any(folder.iterdir()) else []
    if len(found) >= _SAMPLES:
        return found
    with console.status(f"Drawing {_SAMPLES} photos in {folder} …"):
        return make_samples(folder, _SAMPLES)


def _run(console: Console, reporter: ProgressReporter, photos: list[Path], export: Path) -> DemoReport:
    import threading

    from api.cli.signals import stop_events
    from api.demo import DemoView, run_demo

    # An event and not KeyboardInterrupt, which can leave the locks of the threads' pool held.
    stop = threading.Event()
    with stop_events(stop), DemoView(console, len(photos)) as view:
        report = run_demo(reporter, photos, export, observer=view, stop=stop)
    view.summary(report)
    return report


def _tail(server: WebSocketServer) -> str:
    url = server_url(server.host, server.port)
    return "tracker tail" if url == "http://127.0.0.1:5100" else f"tracker tail --url {url}"


def _say_next(console: Console, report: DemoReport, settings: Settings, port: int) -> None:
    from rich.text import Text

    command = f"tracker{given_flags()}"
    job_id = shlex.quote(report.results[0].job_id) if report.results else "JOB"
    at = "" if port == settings.port else f" --port {port}"
    console.print(f"\nDeveloped photos  {report.output}", soft_wrap=True)
    console.print(f"Log               {log_path(settings.database_url)}", soft_wrap=True)
    console.print("\nWhat to try next", style="bold")
    for what, line in (
        ("the jobs", f"{command} status"),
        ("one of them", f"{command} status --json {job_id}"),
        ("the server", f"{command} serve{at}"),
        ("and its HTTP", f"curl {server_url(settings.host, port)}/jobs"),
    ):
        console.print(Text.assemble((f"  {what:14}  ", "dim"), line), soft_wrap=True)
