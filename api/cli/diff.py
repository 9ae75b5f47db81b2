"""``tracker diff``."""

from __future__ import annotations

import click

from api.cli.failures import Command, echo_json
from api.cli.options import asked, database_option, json_option, load_settings
from api.cli.reading import ask_log


@click.command(cls=Command)
@click.argument("a", type=asked)
@click.argument("b", type=asked)
@json_option
@database_option
def diff(a: str, b: str, as_json: bool, database: str | None) -> None:
    """Compare job A with job B: how long each stage took, and the first event where they part.

    With `typical` as B: with the medians of the last 50 jobs that succeeded and completed the same stages.

    Reads the log's file, also while a server or a program writes it. --json prints what GET /jobs/diff?a=A&b=B answers.
    """
    from tracker.comparison_log import compare
    from tracker.times import now

    if not a or not b:
        raise click.BadParameter("must not be empty", param_hint="'A'" if not a else "'B'")
    body = ask_log(load_settings(database).database_url, lambda log: compare(log, a, b, now()))
    if as_json:
        echo_json({"success": True, "diff": body})
        return
    from api.cli.diff_view import print_diff

    print_diff(body)
