"""A feed whose log went back in time, or is another one."""

from __future__ import annotations

import pytest

from tests.builders import completed, progressed, started
from tests.tracker.doubles import Follower
from tests.tracker.readers import FollowedLog
from tests.tracker.recordings import recorded
from tracker.feed import LogChanged
from tracker.store.base import LogHead


def _log(known: int = 3) -> FollowedLog:
    return FollowedLog(recorded(started("a"), progressed("a", 1), progressed("a", 2), completed("a")), known=known)


def _went_back(followed: FollowedLog, to: int, *, and_on: bool) -> None:
    del followed.reader.rows[to:]
    if and_on:
        others = recorded(started("b"), *[progressed("b", 50)] * 9)
        followed.reader.rows.extend(others[to:])


@pytest.mark.parametrize("and_on", [False, True])
async def test_a_log_without_the_event_at_the_tail_is_another(and_on: bool) -> None:
    followed = _log()
    followed.commit(4)
    _went_back(followed, to=2, and_on=and_on)
    with pytest.raises(LogChanged, match="went back in time: it was read up to 4"):
        await followed.feed.catch_up()
    assert followed.feed.tail == 4


async def test_a_head_below_the_tail_is_of_another_log() -> None:
    followed = _log()
    _went_back(followed, to=2, and_on=False)
    with pytest.raises(LogChanged, match="ends at 2"):
        await followed.feed.head()


async def test_the_event_at_the_tail_is_known_from_the_first_reading_on() -> None:
    followed = _log()
    await followed.feed.catch_up()
    _went_back(followed, to=2, and_on=True)
    with pytest.raises(LogChanged, match="has another event 3"):
        await followed.feed.catch_up()


async def test_an_event_at_the_tail_that_was_pruned_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = _log()
    followed.commit(4)
    followed.prune(1, 2, 3, 4)
    with pytest.raises(LogChanged):
        await followed.feed.catch_up()
    monkeypatch.setattr(followed.reader, "now", lambda: LogHead(4, 4, "epoch"))
    await followed.feed.catch_up()
    await followed.feed.look()


async def test_another_epoch_is_another_log(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = _log()
    monkeypatch.setattr(followed.reader, "now", lambda: LogHead(3, 0, "other"))
    with pytest.raises(LogChanged, match="epoch other"):
        await followed.feed.look()


async def test_while_there_is_doubt_no_commit_is_taken_until_the_log_was_read() -> None:
    followed = _log()
    await followed.feed.catch_up()
    followed.feed.doubt()
    new = followed.write(4)
    assert not followed.feed.advance(new)
    await followed.feed.catch_up()
    assert followed.feed.tail == 4
    assert followed.feed.advance(new)


async def test_a_doubt_that_comes_while_the_log_is_read_stays() -> None:
    followed = _log()
    followed.reader.before_read = followed.feed.doubt
    await followed.feed.catch_up()
    assert not followed.feed.advance(followed.write(4))


async def test_after_it_began_anew_nobody_follows_and_the_log_goes_on() -> None:
    followed, follower = _log(), Follower(until=99)
    followed.commit(4)
    followed.feed.follow(follower, 0)
    _went_back(followed, to=2, and_on=True)
    followed.feed.begin_anew(LogHead(2, 0, "other"))
    await followed.feed.catch_up()
    assert (followed.feed.tail, followed.feed.epoch, follower.positions) == (10, "other", [])
    page = await followed.feed.page(0, 0, follower.filter)
    assert [event.position for event in page.events] == list(range(1, 11))


async def test_what_was_read_of_the_log_before_is_not_taken() -> None:
    followed = _log()
    _went_back(followed, to=3, and_on=True)
    followed.reader.before_read = lambda: followed.feed.begin_anew(LogHead(1, 0, "other"))
    await followed.feed.catch_up()
    first = await followed.feed.page(1, 0, Follower(until=99).filter)
    assert [event.position for event in first.events] == list(range(2, 11))
