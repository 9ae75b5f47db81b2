"""Live events from a server over a WebSocket, for as long as it takes, told to a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from api.cli.failures import Failure
from api.cli.terminal import plain
from tracker.client import subscribe
from tracker.errors import ServerRefused, ServerUnreachable
from tracker.following import Message

Show: TypeAlias = Callable[[Message], None]
Tell: TypeAlias = Callable[[str], None]


class CaughtUp(Exception):
    """Everything that was in the log is shown."""


async def follow(
    base: str,
    channels: Sequence[str],
    after: int | None,
    show: Show,
    tell: Tell,
    *,
    until_caught_up: bool = False,
    token: str | None = None,
) -> None:
    """Show every event of the channels after ``after``; does not return.

    ``show`` gets an event, ``tell`` a sentence about the stream.

    Raises:
        Failure: If no server of ours answers at first, or it refuses the subscription or the token.
        CaughtUp: When everything that was in the log is shown, if that is asked for.
    """
    notices = _Notices(base, tell, until_caught_up)
    events = subscribe(
        base,
        channels=channels,
        after=after,
        client_type="cli",
        client_name="tracker tail",
        patient=False,
        on_notice=notices,
        token=token,
    )
    try:
        async with aclosing(events):
            async for event in events:
                notices.position = event["position"]
                show(event)
    except ServerRefused as error:
        raise Failure(_refusal(error), error.refusal) from error
    except ServerUnreachable as error:
        raise Failure(f"{error} Start one with `tracker serve`, or name another with --url.", error.code) from error


def _refusal(error: ServerRefused) -> str:
    told = f"{plain(error).removesuffix('.')}."
    if error.refusal not in ("unauthorized", "not_allowed"):
        return told
    return f"{told} Name a good token in TRACKER_TOKEN; `tracker token create` makes one."


class _Notices:
    def __init__(self, base: str, tell: Tell, until_caught_up: bool) -> None:
        self.position = 0
        self._base = base
        self._tell = tell
        self._until_caught_up = until_caught_up
        self._is_lost = False

    def __call__(self, notice: Message) -> None:
        match notice:
            case {"type": "disconnected"}:
                self._is_lost = True
                self._tell(f"The connection to {self._base} is lost; trying to connect again.")
            case {"type": "subscription_confirmed"} if self._is_lost:
                self._is_lost = False
                self._tell(f"Connected again, going on after position {self.position}.")
            case {"type": "caught_up"} if self._until_caught_up:
                raise CaughtUp
            case _ if text := sentence(notice):
                self._tell(text)


def sentence(notice: Message) -> str | None:
    """What a message that is no event means to a person; None where that is nothing."""
    match notice:
        case {"type": "reset"}:
            return "The server has another log now: showing it from its beginning."
        case {"type": "truncated", "horizon": horizon}:
            return f"Jobs that ended up to position {horizon} were removed by retention, with their events."
        case {"type": "missed"}:
            return "Something was missed on the way: asking for it again."
        case {"type": "error", "error": error}:
            return f"The server says: {plain(error)}"
    return None
