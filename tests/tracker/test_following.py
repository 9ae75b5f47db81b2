"""How a client follows a log: whatever the line does to its messages, it gets every event once, in order."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import find, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tracker.following import Again, Following, Hand, Message, Nothing, Notice

CONFIRMED = "subscription_confirmed"
# What may happen to the next message, to the line, or to the log.
INCIDENTS = ("deliver", "deliver", "drop", "repeat", "late", "commit", "checkpoint", "reconnect")


def event(position: int, prev: int = 0) -> Message:
    return {"type": "job_progress", "position": position, "prev": prev}


def complete(kind: str, position: int, prev: int = 0) -> Message:
    return {"type": kind, "position": position, "prev": prev}


def confirmed(after: int) -> Message:
    return {"type": CONFIRMED, "channels": ["jobs"], "after": after}


def welcome(epoch: str) -> Message:
    return {"type": "connection_established", "epoch": epoch}


def following(after: int | None = 0, epoch: str | None = None) -> Following:
    """One whose subscription was confirmed."""
    one = Following(["jobs"], after=after, epoch=epoch)
    one.subscription()
    one.receive(confirmed(after or 0))
    return one


def test_the_subscription_says_what_is_wanted_and_from_where() -> None:
    one = Following(["photos", "jobs", "jobs"], ["job_failed", "job_completed"], 7, "e")
    assert one.subscription() == {
        "type": "subscribe",
        "channels": ["jobs", "photos"],
        "types": ["job_completed", "job_failed"],
        "after": 7,
        "epoch": "e",
    }


def test_without_a_cursor_neither_place_nor_log_is_named() -> None:
    assert Following(["jobs"], epoch="e").subscription() == {"type": "subscribe", "channels": ["jobs"]}


def test_from_now_on_begins_where_the_server_says() -> None:
    one = Following(["jobs"])
    one.receive(welcome("e"))
    one.subscription()
    assert isinstance(one.receive(confirmed(41)), Notice)
    assert one.subscription() == {"type": "subscribe", "channels": ["jobs"], "after": 41, "epoch": "e"}


def test_events_that_follow_each_other_are_handed_on() -> None:
    one = following(after=2)
    for message in (event(3), event(7, 3), event(8, 7)):
        assert one.receive(message) == Hand(message)
    assert one.cursor == 8


def test_an_event_without_prev_is_handed_on() -> None:
    message = {"type": "job_started", "position": 5}
    assert following().receive(message) == Hand(message)


@pytest.mark.parametrize("position", [1, 4, 5])
def test_an_event_up_to_the_cursor_was_handled_before(position: int) -> None:
    one = following(after=5)
    assert one.receive(event(position)) == Nothing()
    assert one.cursor == 5


def test_a_gap_is_asked_for_again_from_the_cursor() -> None:
    one = following(after=5)
    assert one.receive(event(9, 7)) == Again(5, 7)
    assert one.subscription()["after"] == 5


@pytest.mark.parametrize("kind", ["caught_up", "checkpoint"])
def test_a_gap_at_the_end_is_seen_by_what_says_that_the_stream_is_complete(kind: str) -> None:
    one = following(after=5)
    assert one.receive(complete(kind, 9, prev=6)) == Again(5, 6)
    assert one.cursor == 5


@pytest.mark.parametrize("kind", ["caught_up", "checkpoint"])
def test_a_stream_that_says_how_far_it_is_complete_moves_the_cursor(kind: str) -> None:
    one = following(after=5)
    message = complete(kind, 9, prev=5)
    assert one.receive(message) == Notice(message)
    assert one.cursor == 9
    one.receive(complete(kind, 8))
    assert one.cursor == 9


def test_what_was_on_its_way_before_the_answer_is_left_alone() -> None:
    one = following(after=5)
    one.receive(event(9, 7))
    one.subscription()
    for message in (event(10, 9), complete("checkpoint", 10, 10), event(6)):
        assert one.receive(message) == Nothing()
    assert one.cursor == 5
    one.receive(confirmed(5))
    assert one.receive(event(6)) == Hand(event(6))


@pytest.mark.parametrize("position", [2, 5, 6, 900])
def test_what_a_replay_sends_again_is_handed_on_and_moves_nothing(position: int) -> None:
    one = following(after=5)
    again = {"type": "job_progress", "position": position, "sequence": 1, "replay": True, "replay_id": "r1"}
    assert [one.receive(again), one.receive(again)] == [Hand(again)] * 2
    assert one.cursor == 5
    assert one.receive(event(6, 5)) == Hand(event(6, 5)), "what is live is neither a gap nor known before"
    one.receive(event(9, 7))
    one.subscription()
    assert one.receive(again) == Hand(again), "also while a subscription is asked for"
    assert one.cursor == 6


def test_another_log_is_followed_from_its_beginning() -> None:
    one = following(after=700, epoch="old")
    one.receive(welcome("new"))
    assert one.subscription()["epoch"] == "old"
    one.receive(confirmed(0))
    reset = {"type": "reset", "epoch": "new", "head": 2}
    assert one.receive(reset) == Notice(reset)
    assert one.receive(event(1)) == Hand(event(1))
    assert one.subscription() == {"type": "subscribe", "channels": ["jobs"], "after": 1, "epoch": "new"}


def test_a_cursor_that_was_typed_is_of_the_log_that_takes_it() -> None:
    one = Following(["jobs"], after=7)
    for epoch in ("old", "new"):
        one.receive(welcome(epoch))
        assert one.subscription() == {"type": "subscribe", "channels": ["jobs"], "after": 7}
    one.receive(confirmed(7))
    one.receive(welcome("another"))
    assert one.subscription() == {"type": "subscribe", "channels": ["jobs"], "after": 7, "epoch": "new"}


def test_a_follower_without_a_cursor_takes_the_log_it_finds() -> None:
    one = Following(["jobs"])
    one.receive(welcome("old"))
    one.receive(welcome("new"))
    one.receive(confirmed(3))
    assert one.subscription()["epoch"] == "new"


def test_pruned_events_are_passed_over_with_a_notice() -> None:
    one = following(after=5)
    truncated = {"type": "truncated", "after": 5, "horizon": 20}
    assert one.receive(truncated) == Notice(truncated)
    assert one.receive(event(21)) == Hand(event(21))


@pytest.mark.parametrize("message", [{"type": "pong"}, {"type": "error", "code": "x"}, {"type": "job_started"}, {}])
def test_what_is_no_recorded_event_is_a_notice_and_moves_nothing(message: Message) -> None:
    one = following(after=5)
    assert one.receive(message) == Notice(message)
    assert one.cursor == 5


class Line:
    """A server, one follower, and between them a line that loses, repeats and delays what the server says."""

    def __init__(self, follower: Following, log: list[bool]) -> None:
        """``log``: for each position from 1 whether the follower's filter passes it. Half of it is there at first."""
        self.follower = follower
        self.handed: list[int] = []
        self._log = log
        self._head = len(log) // 2
        self._under_way: deque[Message] = deque()
        self._said: list[Message] = []
        self._last = 0
        self._connect()

    def happen(self, incident: str, which: int = 0) -> None:
        match incident:
            case "commit":
                self._commit()
            case "checkpoint":
                self._say(complete("checkpoint", self._head, self._last))
            case "reconnect":
                self._connect()
            case "late" if self._said:
                self._receive(self._said[which % len(self._said)])
            case "drop" if self._under_way and self._under_way[0]["type"] != CONFIRMED:
                self._under_way.popleft()
            case _ if self._under_way:
                message = self._under_way.popleft()
                for _ in range(2 if incident == "repeat" else 1):
                    self._receive(message)

    def settle(self) -> list[int]:
        """The rest of the log, and no more incidents; returns what was handed on."""
        while self._head < len(self._log):
            self._commit()
        self._say(complete("checkpoint", self._head, self._last))
        while self._under_way:
            self._receive(self._under_way.popleft())
        return self.handed

    def _connect(self) -> None:
        self._under_way.clear()
        self._said.clear()
        self._subscribe(self.follower.subscription())

    def _subscribe(self, message: Message) -> None:
        self._under_way.append(confirmed(message["after"]))
        self._last = 0
        self._stream(message["after"])
        self._say(complete("caught_up", self._head, self._last))

    def _commit(self) -> None:
        if self._head < len(self._log):
            self._head += 1
            self._stream(self._head - 1)

    def _stream(self, after: int) -> None:
        for position in range(after + 1, self._head + 1):
            if self._log[position - 1]:
                self._say(event(position, self._last))
                self._last = position

    def _say(self, message: Message) -> None:
        self._under_way.append(message)

    def _receive(self, message: Message) -> None:
        if message["type"] != CONFIRMED:
            self._said.append(message)
        match self.follower.receive(message):
            case Hand(event=handed):
                self.handed.append(handed["position"])
            case Again():
                self._subscribe(self.follower.subscription())


class Trusting(Following):
    """The control: one that takes what comes for all there is."""

    def receive(self, message: Message) -> Hand | Again | Notice | Nothing:
        return super().receive({**message, "prev": 0} if "prev" in message else message)


Story = tuple[list[bool], list[tuple[str, int]]]
LOGS = st.lists(st.booleans(), max_size=24)
STORIES = st.tuples(LOGS, st.lists(st.tuples(st.sampled_from(INCIDENTS), st.integers(0, 50)), max_size=60))


def is_all_there(kind: type[Following], story: Story) -> bool:
    """Whether the follower handed on every event that passes its filter, once and in order."""
    log, incidents = story
    line = Line(kind(["jobs"], after=0), log)
    for incident, which in incidents:
        line.happen(incident, which)
    return line.settle() == [position for position, passes in enumerate(log, 1) if passes]


@given(STORIES)
def test_whatever_the_line_does_every_event_comes_once_and_in_order(story: Story) -> None:
    assert is_all_there(Following, story)


def test_a_follower_that_does_not_look_for_gaps_is_found_out() -> None:
    log, incidents = find(
        STORIES,
        lambda story: not is_all_there(Trusting, story),
        settings=hypothesis_settings(database=None, max_examples=2_000),
    )
    assert "drop" in [incident for incident, _ in incidents]
    assert is_all_there(Following, (log, incidents))


def test_a_line_without_incidents_satisfies_also_a_follower_that_trusts() -> None:
    assert is_all_there(Trusting, ([True, False, True, True], []))
