"""``tracker stats``."""

from __future__ import annotations

from typing import Any

import click

from api.cli.failures import Command, echo_json
from api.cli.options import database_option, json_option, load_settings, log_path
from api.cli.reading import ask_log


@click.command(cls=Command)
@click.option("--since", metavar="TIME", help="From the beginning of its hour: 2025-11-09T10:00:00Z.")
@click.option("--until", metavar="TIME", help="Until the end of its hour.")
@click.option("--group-by", metavar="WHAT", help="stage, status, hour or error_type.")
@click.option("--as-of", metavar="PLACE", help="As it was at a position or a time.")
@json_option
@database_option
def stats(
    since: str | None, until: str | None, group_by: str | None, as_of: str | None, as_json: bool, database: str | None
) -> None:
    """Show what the log counts up to: jobs, failures, stages and how long they take.

    Hours are those of UTC. Reads the log's file, also while a server or a program writes it. --json prints what GET
    /stats answers.
    """
    url = load_settings(database).database_url
    body = _read(url, since, until, group_by, as_of)
    if as_json:
        echo_json(body)
        return
    from api.cli.stats_table import print_groups, print_statistics

    if not body["position"]:
        click.echo(f"No jobs in {log_path(url)} yet: `tracker demo` makes some.")
    elif group_by is None:
        print_statistics(body)
    else:
        print_groups(body)


def _read(url: str, since: str | None, until: str | None, group_by: str | None, as_of: str | None) -> dict[str, Any]:
    from tracker.statistics_log import read_statistics
    from tracker.statistics_query import read_query
    from tracker.times import now

    query = read_query(since, until, group_by, as_of)
    return ask_log(url, lambda log: read_statistics(log, query, now()))
