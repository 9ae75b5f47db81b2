"""``tracker verify``."""

from __future__ import annotations

import time
from itertools import islice

import click

from api.cli import wording
from api.cli.failures import Command, Failure, JsonFailure, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path

_MOST = 100
_CODE = "log_not_sound"


@click.command(cls=Command, short_help="Prove that the log is what it should be.")
@json_option
@database_option
def verify(as_json: bool, database: str | None) -> None:
    """Prove that the log is what it should be; exit code 1 and a list if it is not.

    Looked at are the file, the triggers that protect history, positions and sequences without a gap, jobs and
    statistics against the events, and what is left of pruned jobs. Reads only, also beside a server.
    """
    from tracker.store import open_snapshot

    url = load_settings(database).database_url
    begun = time.monotonic()
    with open_snapshot(url) as log:
        events, jobs, pruned = log.count()
        found = list(islice(log.faults(), _MOST + 1))
    counts = {"events": events, "jobs": jobs, "pruned_jobs": pruned}
    if found:
        raise _failure(log_path(url), found, counts, as_json)
    if as_json:
        echo_json({"success": True, **counts, "position": log.head.position, "faults": []})
    else:
        took = wording.duration(time.monotonic() - begun)
        parts = f"{wording.count(events, 'event')} of {wording.count(jobs, 'job')}, {pruned:,} pruned"
        click.echo(f"The log at {log_path(url)} is sound: {parts}; position {log.head.position:,}. Checked in {took}.")


def _failure(place: str, found: list[str], counts: dict[str, int], as_json: bool) -> Failure:
    from api import problems

    told = found[:_MOST]
    more = "more than " if len(found) > _MOST else ""
    said = f"The log at {place} is not sound: {more}{wording.count(len(told), 'fault')}."
    if as_json:
        return JsonFailure({**problems.problem(said, _CODE), **counts, "faults": told})
    return Failure("\n  ".join((said, *told)), _CODE)
