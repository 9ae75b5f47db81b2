"""``tracker export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli import wording
from api.cli.failures import Command, echo_json
from api.cli.log_files import place
from api.cli.options import asked, database_option, json_option, load_settings

if TYPE_CHECKING:
    from tracker.exporting import Export

_STANDARD_OUTPUT = "-"


@click.command(cls=Command, short_help="Write the log, or a part of it, to a file.")
@click.argument("jobs", metavar="[JOB]...", nargs=-1, type=asked)
@click.option("-o", "--output", required=True, metavar="FILE", help="FILE.jsonl, FILE.jsonl.zst, or - for the output.")
@click.option("--since", metavar="WHEN", help="Jobs heard of from this position or time (2025-11-09T10:30:00Z) on.")
@click.option("--until", metavar="WHEN", help="Nothing after this position or time.")
@click.option("--redact", multiple=True, metavar="KEY", help="Replace the values of this key by tokens; repeatable.")
@json_option
@database_option
def export(
    jobs: tuple[str, ...],
    output: str,
    since: str | None,
    until: str | None,
    redact: tuple[str, ...],
    as_json: bool,
    database: str | None,
) -> None:
    """Write the log, or JOBs of it, to a file that `tracker import` reads.

    Works beside a server: what is in the log when it begins is in the file. A job comes with all its events from its
    start. A redacted value has the same token wherever it is in this log; `--redact job_id` replaces the jobs' ids.
    """
    if as_json and output == _STANDARD_OUTPUT:
        raise click.UsageError("--json and the export would both be on the output: name a file.")
    from tracker.exporting import Export, read_selection
    from tracker.store import open_snapshot

    selection = read_selection(jobs, place(since), place(until), redact)
    with open_snapshot(load_settings(database).database_url) as log:
        export = Export(log, selection)
        _write(export, output)
    if output != _STANDARD_OUTPUT:
        _report(export, Path(output), as_json)


def _write(export: Export, output: str) -> None:
    from tracker.export_file import write

    if output == _STANDARD_OUTPUT:
        stream = sys.stdout.buffer
        for line in export.lines():
            stream.write(line)
        stream.flush()
    else:
        write(Path(output), export.lines())


def _report(export: Export, path: Path, as_json: bool) -> None:
    size = path.stat().st_size
    if as_json:
        counts = {"events": export.events, "pruned_jobs": export.pruned_jobs, "bytes": size}
        echo_json({"success": True, "file": str(path), **counts})
    else:
        click.echo(f"Exported {wording.count(export.events, 'event')} to {path} ({size:,} bytes).")
