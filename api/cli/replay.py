"""``tracker replay``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from api.cli.failures import Command, Failure, echo_json
from api.cli.log_files import place
from api.cli.options import asked, database_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from tracker.events import RecordedEvent
    from tracker.replay_request import ReplayRequest
    from tracker.store.base import Reader

_Show: TypeAlias = Callable[[dict[str, Any]], None]
_ID = "r1"


@click.command(cls=Command)
@click.argument("job", required=False, type=asked)
@click.option(
    "--speed", type=float, default=1.0, metavar="N", help="10 is ten times faster: 0.1 to 1000.  [default: 1]"
)
@click.option("--max-gap", metavar="TIME", help="Play longer idle gaps of the log as this: 2s, 1m.")
@click.option("--since", metavar="WHEN", help="Begin at this position or time (2025-11-09T10:30:00Z), inclusive.")
@click.option("--until", metavar="WHEN", help="End with this position or time, inclusive.")
@click.option("--after", type=click.IntRange(0), metavar="N", help="Begin after this position.")
@click.option("--url", metavar="URL", help="Have this server send it; else the log's file is read.")
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="TRACKER_TOKEN",
    show_envvar=True,
    help="For a server that asks for one. In the environment, other users do not see it.",
)
@click.option("--json", "as_json", is_flag=True, help="Each message as JSON, one a line, errors too.")
@database_option
def replay(
    job: str | None,
    speed: float,
    max_gap: str | None,
    since: str | None,
    until: str | None,
    after: int | None,
    url: str | None,
    token: str | None,
    as_json: bool,
    database: str | None,
) -> None:
    """Play a past JOB again as it happened, or all jobs between --since and --until.

    Shows live bars, or a line for each event where the output is no terminal. Nothing is recorded. A job that still
    runs is played up to now. Ctrl-C ends it.
    """
    import asyncio

    wanted = {
        "job_id": job,
        "speed": speed,
        "since": place(since),
        "until": place(until),
        "after": after,
        "max_gap_seconds": _seconds(max_gap),
    }
    with _shown(as_json) as show:
        from tracker.replay_request import read_request

        request = read_request(wanted)
        playing: Coroutine[Any, Any, None] = (
            _ask_server(url, {name: value for name, value in wanted.items() if value is not None}, token, show)
            if url is not None
            else _read_log(load_settings(database).database_url, request, show)
        )
        try:
            asyncio.run(playing)
        except KeyboardInterrupt:
            return


def _seconds(text: str | None) -> float | None:
    from tracker.errors import InvalidSetting
    from tracker.settings import duration_seconds

    try:
        return None if text is None else duration_seconds("max_gap", text)
    except InvalidSetting as error:
        raise click.BadParameter("must be a time such as 0.5s, 2s or 1m", param_hint="'--max-gap'") from error


@contextmanager
def _shown(as_json: bool) -> Iterator[_Show]:
    if as_json:
        yield echo_json
        return
    from api.cli.replay_view import ReplayView
    from api.cli.terminal import errors, output

    with ReplayView(output(), errors()) as view:
        yield view.show


async def _read_log(database_url: str, request: ReplayRequest, show: _Show) -> None:
    from tracker.store import open_reader

    reader = open_reader(database_url)
    try:
        await _play(reader, request, show)
    finally:
        await reader.close()


async def _play(reader: Reader, request: ReplayRequest, show: _Show) -> None:
    from api import replay_messages
    from api.replaying import Replay
    from tracker.replay_log import find_extent
    from tracker.times import now

    extent = await find_extent(reader, request, now())
    playing = Replay(_ID, extent, request, reader, _Screen(show))
    show(replay_messages.started(_ID, extent, playing.playback, extent.count(is_whole=True)))
    if await playing.run() == "failed":
        raise click.exceptions.Exit(1)


async def _ask_server(url: str, wanted: dict[str, Any], token: str | None, show: _Show) -> None:
    from contextlib import aclosing

    from tracker.errors import ServerRefused, ServerUnreachable
    from tracker.replay_client import replay as replayed

    try:
        async with aclosing(replayed(url, wanted, token=token)) as messages:
            async for message in messages:
                show(message)
    except ServerRefused as error:
        raise Failure(str(error), error.refusal) from error
    except ServerUnreachable as error:
        raise Failure(str(error), error.code) from error


class _Screen:
    """See :class:`api.replaying.Sink`: whoever looks at it keeps up."""

    has_room = True

    def __init__(self, show: _Show) -> None:
        self.tell = show

    async def drain(self) -> None:
        """See :class:`api.replaying.Sink`."""

    def send(self, replay_id: str, events: Sequence[RecordedEvent]) -> None:
        """See :class:`api.replaying.Sink`."""
        import msgspec

        from api.replay_messages import event_text

        for event in events:
            self.tell(msgspec.json.decode(event_text(event, replay_id)))
