from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.errors import InvalidEvent, TrackerError
from tracker.events import FACTS, Event, EventTooLarge
from tracker.intake import event_from_message


def message(event_type: str = "job_progress", **fields: Any) -> dict[str, Any]:
    needed: dict[str, dict[str, Any]] = {
        "job_progress": {"stage": "importing", "progress": 5},
        "stage_completed": {"stage": "importing"},
        "error_occurred": {"error_type": "io", "error_message": "lost"},
        "job_completed": {"success": True},
        "job_failed": {"success": False},
    }
    return {"type": event_type, "job_id": "job", **needed.get(event_type, {}), **fields}


def content(sent: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(event_from_message(sent).payload)
    return decoded


@pytest.mark.parametrize("event_type", FACTS)
def test_each_of_the_seven_types_is_taken(event_type: str) -> None:
    event = event_from_message(message(event_type, event_id="e1"))
    assert (event.type, event.job_id, event.event_id) == (event_type, "job", "e1")


@pytest.mark.parametrize("not_an_object", [None, [], "text", 5, True, [message()]])
def test_a_message_is_an_object(not_an_object: object) -> None:
    with pytest.raises(InvalidEvent, match="must be a JSON object"):
        event_from_message(not_an_object)


@pytest.mark.parametrize("event_type", [None, 5, [], {}, "", "job", "ping", "JOB_STARTED"])
def test_another_type_is_refused(event_type: Any) -> None:
    with pytest.raises(InvalidEvent) as refused:
        event_from_message({"type": event_type, "job_id": "job"})
    assert refused.value.field == "type"


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("job_progress", "job_id"),
        ("job_progress", "stage"),
        ("job_progress", "progress"),
        ("stage_completed", "stage"),
        ("error_occurred", "error_type"),
        ("error_occurred", "error_message"),
    ],
)
def test_a_missing_field_is_named(event_type: str, name: str) -> None:
    sent = message(event_type)
    del sent[name]
    with pytest.raises(InvalidEvent, match="is missing") as refused:
        event_from_message(sent)
    assert refused.value.field == name


@pytest.mark.parametrize("progress", ["abc", "50", None, True, -1, 101, [], {}])
def test_progress_is_not_guessed_at(progress: Any) -> None:
    with pytest.raises(InvalidEvent, match="progress"):
        event_from_message(message(progress=progress))


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("job_started", "photo_info"),
        ("job_progress", "details"),
        ("stage_completed", "result"),
        ("photo_info", "photo_data"),
        ("error_occurred", "error_details"),
        ("job_completed", "result"),
        ("job_failed", "result"),
    ],
)
@pytest.mark.parametrize("empty", [[], None, {}])
def test_an_empty_array_or_null_is_an_empty_object_where_one_belongs(event_type: str, name: str, empty: Any) -> None:
    assert content(message(event_type, **{name: empty}))[name] == {}
    with pytest.raises(InvalidEvent, match=name):
        event_from_message(message(event_type, **{name: [1]}))


def test_an_empty_array_inside_an_object_stays_an_array() -> None:
    assert content(message(details={"tags": []}))["details"] == {"tags": []}


def test_a_whole_number_written_as_a_decimal_is_an_integer_for_a_photo_id() -> None:
    assert type(content(message(photo_id=386.0))["photo_id"]) is int
    with pytest.raises(InvalidEvent, match="photo_id"):
        event_from_message(message(photo_id=386.5))


def test_an_integer_progress_is_recorded_as_the_seed_shows_it() -> None:
    assert event_from_message(message(progress=25)).payload == event_from_message(message(progress=25.0)).payload
    assert '"progress":25.0' in event_from_message(message(progress=25)).payload


@pytest.mark.parametrize("name", ["message", "duration", "stages"])
def test_null_is_the_same_as_nothing(name: str) -> None:
    event_type = {"message": "job_progress", "duration": "job_completed", "stages": "job_started"}[name]
    assert content(message(event_type, **{name: None})) == content(message(event_type))


def test_null_stands_where_the_contract_has_it() -> None:
    assert content(message(photo_id=None))["photo_id"] is None
    assert content(message("error_occurred", stage=None))["stage"] is None
    assert event_from_message(message(event_id=None)).event_id is None


@pytest.mark.parametrize(
    "timestamp",
    ["2025-11-09T10:30:05Z", "2025-11-09T10:30:05.123456+02:00", "2025-11-09", "2025-11-09 10:30:05"],
)
def test_the_producers_iso_8601_time_is_kept_as_occurred_at(timestamp: str) -> None:
    found = content(message(timestamp=timestamp))
    assert found["occurred_at"] == timestamp
    assert "timestamp" not in found


@pytest.mark.parametrize(
    "timestamp",
    [
        784_000_000,
        784_000_000.5,
        "784000000",
        "yesterday",
        "",
        None,
        [],
        {},
        True,
        "2025-13-01",
        "2025-11-09T10:30:05" + " " * 30,
        "2025-11-09\0" + "10:30:00",
        "2025-11-09\ud80010:30:00",
        "2025-11-09ü10:30:00",
    ],
)
def test_any_other_time_of_the_producer_is_ignored(timestamp: Any) -> None:
    assert "occurred_at" not in content(message(timestamp=timestamp))


def test_the_time_of_an_exported_event_goes_before_that_of_its_sender() -> None:
    exported = message(occurred_at="2025-01-01", timestamp="2025-02-02")
    assert content(exported)["occurred_at"] == "2025-01-01"
    assert content({**exported, "occurred_at": "nonsense"})["occurred_at"] == "2025-02-02"


def test_unknown_fields_are_kept_as_extra() -> None:
    found = content(message(camera="R5", nested={"a": [1]}, nothing=None))
    assert found["extra"] == {"camera": "R5", "nested": {"a": [1]}, "nothing": None}


def test_unknown_fields_join_an_extra_that_was_sent() -> None:
    assert content(message(extra={"a": 1, "b": 1}, b=2))["extra"] == {"a": 1, "b": 2}
    assert "extra" not in content(message())


@pytest.mark.parametrize("extra", [[1], "text", 5])
def test_extra_is_an_object(extra: Any) -> None:
    with pytest.raises(InvalidEvent, match="extra"):
        event_from_message(message(extra=extra))


def test_unknown_fields_keep_to_the_limits() -> None:
    with pytest.raises(InvalidEvent, match=r"extra\.camera"):
        event_from_message(message(camera=float("nan")))
    with pytest.raises(EventTooLarge):
        event_from_message(message(camera="x" * 65_536))


@pytest.mark.parametrize("name", ["position", "sequence", "prev", "ref", "timestamp", "event_id"])
def test_what_the_log_gives_is_not_taken_from_a_producer(name: str) -> None:
    assert content(message(**{name: "77"})) == content(message())


def test_an_exported_completion_can_be_sent_again() -> None:
    exported = message("job_completed", duration=5.0, stages_completed=[{"stage": "importing"}], result={"a": 1})
    found = content(exported)
    assert found == {"success": True, "result": {"a": 1}, "duration": 5.0}


def test_stages_of_its_own_arrive_as_a_list() -> None:
    assert content(message("job_started", stages=["scan", "print"]))["stages"] == ["scan", "print"]


@pytest.mark.parametrize("stages", [[], "scan", {}, 5, [["scan"]]])
def test_stages_in_another_form_are_refused(stages: Any) -> None:
    with pytest.raises(InvalidEvent, match="stages"):
        event_from_message(message("job_started", stages=stages))


def test_a_message_is_not_changed() -> None:
    sent = message(details=[], photo_id=5.0, timestamp="2025-11-09", camera="R5", stages=["a"])
    before = json.dumps(sent)
    event_from_message(sent)
    assert json.dumps(sent) == before


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = sorted({name for fact in FACTS.values() for name in fact.__struct_fields__} | {"timestamp", "event_id", "x"})
LIKELY: st.SearchStrategy[Any] = st.sampled_from(
    ["importing", "job", 5, 5.0, 2**53, 10**30, 1e300, "\0", "\ud800", "2025-11-09\ud80010:30", [], {}, True, None]
)
MESSAGES = st.dictionaries(st.sampled_from(NAMES), LIKELY | VALUES, max_size=8)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(event_type=st.sampled_from(sorted(FACTS)), fields=MESSAGES, whole=st.booleans())
def test_a_message_becomes_an_event_or_is_refused(event_type: str, fields: dict[str, Any], whole: bool) -> None:
    sent = {**message(event_type), **fields} if whole else {"type": event_type, **fields}
    try:
        event = event_from_message(sent)
    except TrackerError:
        return
    payload = json.loads(event.payload.encode())
    assert "\0" not in json.dumps(payload, ensure_ascii=False)
    assert Event.of(event.job_id, event.fact, event.event_id) == event


@settings(max_examples=150, derandomize=True, deadline=None)
@given(sent=VALUES)
def test_anything_that_is_json_is_an_event_or_refused(sent: Any) -> None:
    try:
        event_from_message(sent)
    except TrackerError:
        return
    raise AssertionError(sent)


def test_the_property_above_can_fail() -> None:
    assert event_from_message(message()).type == "job_progress"
