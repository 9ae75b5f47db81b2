"""The group of commands, and the help that introduces them."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.audit import audit
from api.cli.backup import backup
from api.cli.copy import copy
from api.cli.demo import demo
from api.cli.diff import diff
from api.cli.doctor import doctor
from api.cli.export import export
from api.cli.import_ import import_
from api.cli.lightroom import lightroom
from api.cli.migrate import migrate
from api.cli.new_epoch import new_epoch
from api.cli.options import Given, database_option
from api.cli.prune import prune
from api.cli.rebuild import rebuild
from api.cli.replay import replay
from api.cli.run import run
from api.cli.serve import serve
from api.cli.show import show
from api.cli.stats import stats
from api.cli.status import status
from api.cli.tail import tail
from api.cli.timeline import timeline
from api.cli.token import token
from api.cli.verify import verify
from tracker import __version__

_HELP = """Track the progress of jobs: photos, or whatever else takes its time.

Every progress call of a program becomes one event in a log, a SQLite file or a PostgreSQL database. These commands show
the jobs in it, serve it over HTTP and WebSocket, and look after it.

\b
Examples:
  tracker demo                develop 24 photos and watch their jobs
  tracker status              the newest jobs, also while a server runs
  tracker serve               serve the log on http://127.0.0.1:5100
"""


class _Group(click.Group):
    """Lists the commands in the order a reader meets them, says where the log is and what exit codes mean."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        from api.cli.failures import EXIT_CODES
        from api.cli.options import log_path
        from tracker.settings import default_database_url

        with formatter.section("Where the log is"):
            formatter.write_text(log_path(default_database_url()))
            formatter.write_text("Another one: --database FILE, or TRACKER_DATABASE_URL=sqlite:///FILE.")
        with formatter.section("Exit codes"):
            formatter.write_text(EXIT_CODES)


@click.group(cls=_Group, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@database_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings in TOML. Flags and TRACKER_* variables go before it.",
)
@click.version_option(__version__, prog_name="jobreel", message="%(prog)s %(version)s")
@click.pass_context
def tracker(ctx: click.Context, database: str | None, config: Path | None) -> None:
    """See ``_HELP``."""
    ctx.obj = Given(database=database, config=config)


for _command in (
    demo,
    serve,
    status,
    show,
    stats,
    tail,
    timeline,
    diff,
    replay,
    run,
    migrate,
    rebuild,
    verify,
    doctor,
    backup,
    new_epoch,
    prune,
    export,
    import_,
    copy,
    token,
    audit,
    lightroom,
):
    tracker.add_command(_command)
