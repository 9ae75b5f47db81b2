"""One client's conversation, without a socket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.session import (
    Action,
    ControlReplay,
    Record,
    Reply,
    Session,
    StartReplay,
    Subscribe,
    Unsubscribe,
    ack,
    confirmation,
)
from tracker.events import FACTS
from tracker.filters import MAX_CHANNELS
from tracker.replay_request import CONTROLS, Pause, ReplayRequest, Seek
from tracker.store.base import LogHead

NOON = 1_762_689_600_000_000
NOON_TEXT = "2025-11-09T12:00:00.000000Z"

_words = st.sampled_from(
    [
        "type", "ref", "channels", "after", "epoch", "client_type", "client_name", "job_id", "photo_id", "photo_info",
        "stage", "stages", "progress", "message", "details", "result", "success", "duration", "error_type",
        "error_message", "error_details", "photo_data", "extra", "timestamp", "occurred_at", "event_id", "position",
        "register", "subscribe", "unsubscribe", "ping", "jobs", "photos", "system", "job:", "job:1", "importing",
        "completed", "since", "until", "speed", "max_gap_seconds", "paused", "to", "replay_id", *FACTS,
    ]
)  # fmt: skip
_texts = _words | st.text(max_size=30)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(_texts, values, max_size=6),
    max_leaves=20,
)
_kinds = st.sampled_from(["register", "subscribe", "unsubscribe", "ping", "replay", *CONTROLS, *FACTS])
_ACTIONS = (Reply, Record, Subscribe, Unsubscribe, StartReplay, ControlReplay)


def session() -> Session:
    return Session("c1", NOON)


def reply(action: Action) -> dict[str, Any]:
    assert isinstance(action, Reply)
    return action.message


@given(_json)
def test_any_json_is_answered(message: Any) -> None:
    assert isinstance(session().receive(message, NOON), _ACTIONS)


@given(_kinds, st.dictionaries(_words, _json, max_size=8))
def test_any_json_in_a_known_type_is_answered(kind: str, fields: dict[str, Any]) -> None:
    talk = session()
    action = talk.receive({**fields, "type": kind}, NOON)
    assert isinstance(action, _ACTIONS)
    if isinstance(action, Reply) and action.message["type"] == "error":
        assert action.message["code"] in ("invalid_query", "invalid_event", "event_too_large")
        assert talk.channels == frozenset(), "a refused message changes nothing"


def test_the_welcome_tells_the_protocol_and_the_ends_of_the_log() -> None:
    assert session().welcome(LogHead(9, 2, "e1"), NOON) == {
        "type": "connection_established",
        "client_id": "c1",
        "server_time": NOON_TEXT,
        "protocol": 1,
        "epoch": "e1",
        "head": 9,
        "horizon": 2,
    }


def test_a_ping_is_answered_with_the_time() -> None:
    assert reply(session().receive({"type": "ping"}, NOON)) == {"type": "pong", "timestamp": NOON_TEXT}


def test_registering_confirms_and_keeps_the_names() -> None:
    talk = session()
    confirmed = reply(talk.receive({"type": "register", "client_type": "gui", "client_name": "Grün"}, NOON))
    assert confirmed == {
        "type": "registration_confirmed",
        "client_id": "c1",
        "client_type": "gui",
        "client_name": "Grün",
    }
    assert (talk.client_type, talk.client_name) == ("gui", "Grün")


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", 5, ["gui"], {}, True])
def test_a_name_that_is_none_is_refused_and_not_kept(name: object) -> None:
    talk = session()
    assert reply(talk.receive({"type": "register", "client_type": "gui", "client_name": name}, NOON))["type"] == "error"
    assert talk.client_type is None


@pytest.mark.parametrize("ref", ["r", "", "x" * 200, 0, -1, 2**53 - 1])
@pytest.mark.parametrize("message", [{"type": "ping"}, {"type": "nonsense"}, {"type": "job_started"}])
def test_a_ref_comes_back_with_the_answer(ref: object, message: dict[str, object]) -> None:
    assert reply(session().receive({**message, "ref": ref}, NOON))["ref"] == ref


@pytest.mark.parametrize("ref", ["x" * 201, 2**53, 1.5, True, [], {"a": 1}])
def test_a_ref_that_is_no_short_text_or_number_is_not_echoed(ref: object) -> None:
    assert reply(session().receive({"type": "nonsense", "ref": ref}, NOON))["ref"] is None
    assert "ref" not in reply(session().receive({"type": "ping", "ref": ref}, NOON))


def test_an_ack_has_the_place_of_the_event() -> None:
    assert ack(7, 3, "r") == {"type": "ack", "ref": "r", "position": 7, "sequence": 3}
    assert ack(7, 3, None)["ref"] is None


def test_an_event_message_is_to_be_recorded() -> None:
    action = session().receive({"type": "job_started", "job_id": "j", "photo_id": 4, "event_id": "e", "ref": 9}, NOON)
    assert isinstance(action, Record)
    assert (action.event.job_id, action.event.type, action.event.event_id, action.ref) == ("j", "job_started", "e", 9)


@pytest.mark.parametrize("message", [None, True, 1, 1.5, "subscribe", [], [{"type": "ping"}], {}, {"type": None}])
def test_what_is_no_message_is_answered_with_an_error(message: object) -> None:
    answer = reply(session().receive(message, NOON))
    assert (answer["type"], answer["code"], answer["ref"]) == ("error", "invalid_query", None)


@pytest.mark.parametrize("kind", ["job_exploded", "Ping", "", 5, True, [], {}, ["ping"], {"type": "ping"}])
def test_an_unknown_type_is_answered_with_the_known_ones(kind: object) -> None:
    answer = reply(session().receive({"type": kind}, NOON))
    assert answer["field"] == "type"
    assert "subscribe" in answer["error"]
    assert "job_started" in answer["error"]


def test_a_replay_is_to_be_started_and_controlled() -> None:
    started = session().receive({"type": "replay", "job_id": "j", "speed": 10, "ref": 1}, NOON)
    assert started == StartReplay(ReplayRequest(job_id="j", speed=10.0), 1)
    assert session().receive({"type": "pause"}, NOON) == ControlReplay(Pause(), None, None)
    sought = session().receive({"type": "seek", "to": 7, "replay_id": "r2", "ref": "s"}, NOON)
    assert sought == ControlReplay(Seek(7), "r2", "s")


def test_subscribing_adds_channels_and_unsubscribing_removes_them() -> None:
    talk = session()
    first = talk.receive({"type": "subscribe", "channels": ["photos", "job:j 1"]}, NOON)
    assert first == Subscribe(None, None, None)
    talk.receive({"type": "subscribe", "channels": ["jobs", "photos"]}, NOON)
    assert talk.channels == {"jobs", "photos", "job:j 1"}
    assert talk.filter.channels == talk.channels
    left = talk.receive({"type": "unsubscribe", "channels": ["photos", "system"], "ref": "u"}, NOON)
    assert left == Unsubscribe({"type": "unsubscription_confirmed", "channels": ["job:j 1", "jobs"], "ref": "u"})


@pytest.mark.parametrize(("after", "read"), [(None, None), (0, 0), (7, 7), (7.0, 7), (2**53 - 1, 2**53 - 1)])
def test_a_cursor_is_a_whole_number(after: object, read: int | None) -> None:
    action = session().receive({"type": "subscribe", "channels": ["jobs"], "after": after, "epoch": "e"}, NOON)
    assert action == Subscribe(read, "e", None)


NONSENSE: dict[str, list[Any]] = {
    "after": [-1, 1.5, "7", True, [], {}, 2**53, float("nan"), float("inf")],
    "epoch": [1, True, [], {}],
    "types": ["job_started", 5, {}, [None], [[]], ["job_exploded"], ["jobs"]],
    "channels": [
        *[None, "jobs", 5, {}, ["jobs", 5], [None], [[]], ["job"], ["Jobs"], [""], ["everything"]],
        *[["job:"], ["job:" + "x" * 201], ["job:a\0b"], ["job:\ud800"], ["jobs"] * (MAX_CHANNELS + 1)],
    ],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in NONSENSE for value in NONSENSE[field]])
def test_a_subscription_that_makes_no_sense_is_refused_and_changes_nothing(field: str, value: object) -> None:
    talk = session()
    talk.receive({"type": "subscribe", "channels": ["photos"]}, NOON)
    answer = reply(talk.receive({"type": "subscribe", "channels": ["jobs"], field: value, "ref": 1}, NOON))
    assert (answer["type"], answer["field"], answer["ref"]) == ("error", field, 1)
    assert talk.channels == {"photos"}


def test_a_client_has_at_most_a_thousand_channels_and_keeps_those_it_has() -> None:
    talk = session()
    full = [f"job:{number}" for number in range(MAX_CHANNELS)]
    assert isinstance(talk.receive({"type": "subscribe", "channels": full}, NOON), Subscribe)
    assert isinstance(talk.receive({"type": "subscribe", "channels": full[:3]}, NOON), Subscribe)
    answer = reply(talk.receive({"type": "subscribe", "channels": ["jobs"]}, NOON))
    assert answer["field"] == "channels"
    assert talk.channels == set(full)


def test_types_narrow_a_subscription_until_others_are_named() -> None:
    talk = session()
    talk.receive({"type": "subscribe", "channels": ["jobs"], "types": ["job_failed", "job_started"]}, NOON)
    talk.receive({"type": "subscribe", "channels": ["photos"]}, NOON)
    assert talk.filter.types == {"job_failed", "job_started"}
    assert confirmation(talk, 7, "r") == {
        "type": "subscription_confirmed",
        "channels": ["jobs", "photos"],
        "types": ["job_failed", "job_started"],
        "after": 7,
        "ref": "r",
    }
    talk.receive({"type": "subscribe", "channels": [], "types": []}, NOON)
    assert confirmation(talk, 0, None) == {
        "type": "subscription_confirmed",
        "channels": ["jobs", "photos"],
        "after": 0,
    }
