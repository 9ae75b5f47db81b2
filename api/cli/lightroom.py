"""``tracker lightroom``: the plug-in for Lightroom Classic."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.options import json_option

if TYPE_CHECKING:
    from tracker.lightroom import Installed

_MODULES_FOLDER = click.Path(path_type=Path, file_okay=False)


def _to_option(text: str) -> Callable[[Any], Any]:
    return click.option("--to", type=_MODULES_FOLDER, metavar="FOLDER", help=text)


@click.group(short_help="Install and uninstall the plug-in for Lightroom Classic.")
def lightroom() -> None:
    """Install and uninstall the plug-in for Lightroom Classic.

    It shows the jobs in Lightroom. Lightroom loads it from its Modules folder, each time it starts.
    """


@lightroom.command(cls=Command)
@click.option("--dev", is_flag=True, help="Link to the plug-in of this checkout: what is edited there is reloaded.")
@_to_option("Into this Modules folder, not Lightroom's own.")
@json_option
def install(dev: bool, to: Path | None, as_json: bool) -> None:
    """Put the plug-in where Lightroom finds it.

    In the place of an older version: whole, or not at all.
    """
    from tracker import lightroom as plugin

    modules = _modules(to)
    source = plugin.checkout_folder() if dev else plugin.plugin_folder()
    installed = plugin.link(modules, source) if dev else plugin.install(modules, source)
    if as_json:
        echo_json({"success": True, "dev": dev, **_body(installed)})
    else:
        click.echo(_report(installed, dev))


@lightroom.command(cls=Command)
@_to_option("From this Modules folder, not Lightroom's own.")
@json_option
def uninstall(to: Path | None, as_json: bool) -> None:
    """Remove the plug-in from where Lightroom finds it.

    After install --dev, that is the link; the checkout stays.
    """
    from tracker import lightroom as plugin

    modules = _modules(to)
    removed = plugin.uninstall(modules)
    if as_json:
        echo_json({"success": True, "removed": [str(path) for path in removed]})
    elif removed:
        click.echo("\n".join(f"Removed {path}." for path in removed))
        click.echo("Lightroom forgets it when it starts again.")
    else:
        click.echo(f"Nothing to remove: there is no Jobreel Tracker plug-in in {modules}.")


def _modules(to: Path | None) -> Path:
    from tracker.lightroom import modules_folder

    return modules_folder(sys.platform, os.environ) if to is None else to.absolute()


def _body(installed: Installed) -> dict[str, Any]:
    return {
        "path": str(installed.path),
        "source": str(installed.source),
        "files": installed.files,
        "removed": [str(path) for path in installed.removed],
    }


def _report(installed: Installed, dev: bool) -> str:
    files = wording.count(installed.files, "file")
    done = f"Linked {installed.path} to {installed.source}" if dev else f"Installed {installed.path}"
    lines = [f"{done} ({files}).", *(f"Removed {path}, the same plug-in." for path in installed.removed)]
    lines.append("Start Lightroom Classic, then File > Plug-in Manager > Jobreel Tracker: address and token.")
    if dev:
        lines.append("After an edit: Reload Plug-in, at the same place.")
    return "\n".join(lines)
