"""The short way in reads what the careful way reads, to the same events; whatever it does not read is left to that."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.test_intake import MESSAGES, message
from tracker.errors import TrackerError
from tracker.events import FACTS, Event
from tracker.intake import event_from_message
from tracker.messages import event_text
from tracker.plain_intake import plain_events

_WHOLE: dict[str, dict[str, Any]] = {
    "job_started": {"photo_info": {"file_name": "a.CR3"}, "stages": ["scan", "print"], "photo_id": 7},
    "job_progress": {"progress": 25, "message": "half", "details": {"iso": 800, "of": [1.5, None, "é"]}},
    "stage_completed": {"result": {"a": {"b": True}}, "photo_id": "x"},
    "photo_info": {"photo_data": {}, "photo_id": None},
    "error_occurred": {"error_details": {}, "stage": None},
    "job_completed": {"result": {}, "duration": 5},
    "job_failed": {"duration": 0.25},
}


def _careful(messages: list[Any]) -> list[Event] | None:
    try:
        return [event_from_message(one) for one in messages]
    except TrackerError:
        return None


def test_all_types_are_read() -> None:
    assert set(_WHOLE) == set(FACTS)
    messages = [{**message(name), **fields} for name, fields in _WHOLE.items()]
    assert plain_events(json.dumps(messages).encode()) == _careful(messages) != None  # noqa: E711  # all three


def test_what_a_reporter_sends_is_read() -> None:
    events = [event_from_message({**message(name), **fields, "event_id": name}) for name, fields in _WHOLE.items()]
    texts = [event_text(event, 1_700_000_000_000_000) for event in events]
    read = plain_events(b"[" + b",".join(texts) + b"]")
    assert read is not None
    assert [event.event_id for event in read] == list(_WHOLE)
    assert all("2023-11-14T22:13:20" in event.payload for event in read)


@pytest.mark.parametrize(
    "fields",
    [
        {"camera": "R5"},
        {"details": None},
        {"details": []},
        {"message": None},
        {"photo_id": 7.0},
        {"occurred_at": "2025-01-01"},
        {"stages_completed": []},
        {"position": 5},
        {"progress": "half"},
        {"progress": 101},
        {"stage": "\0"},
        {"job_id": 5},
        {"job_id": "\u0007"},
        {"event_id": ""},
        {"extra": []},
        {"type": "nothing"},
        {"message": "\ud800"},
        {"details": {"a": 2**53}},
        {"details": {"a": "x" * 70_000}},
    ],
)
def test_what_needs_more_care_is_left_to_the_careful_way(fields: dict[str, Any]) -> None:
    assert plain_events(json.dumps([message(), {**message(), **fields}]).encode()) is None


def test_a_large_integer_is_refused_as_a_duration_there_and_not_read_here() -> None:
    messages = [message("job_completed", duration=2**53)]
    assert _careful(messages) is None
    assert plain_events(json.dumps(messages).encode()) is None


@pytest.mark.parametrize("data", [b"", b"[", b"{}", b"5", b"[5]", b'[{"a":1e999}]', b"\xff", b"[" * 100_000])
def test_what_is_no_list_of_messages_is_not_read(data: bytes) -> None:
    assert plain_events(data) is None


@pytest.mark.parametrize("number", ["1e5", "1E-5", "-2.5e+3", "1e400"])
def test_numbers_with_an_exponent(number: str) -> None:
    data = f'[{{"type":"photo_info","job_id":"j","photo_data":{{"a":{number}}}}}]'.encode()
    read = plain_events(data)
    if number == "1e400":
        assert read is None
    else:
        assert read == _careful(msgspec.json.decode(data))


_TYPES = st.sampled_from(sorted(FACTS))
_SENT = st.builds(lambda name, fields: {**message(name), **_WHOLE[name], **fields}, _TYPES, MESSAGES)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(messages=st.lists(_SENT, min_size=1, max_size=3))
def test_it_never_reads_anything_else(messages: list[dict[str, Any]]) -> None:
    data = json.dumps(messages).encode()
    read = plain_events(data)
    if read is not None:
        assert read == _careful(msgspec.json.decode(data))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(name=_TYPES, timestamp=st.none() | st.integers() | st.text(max_size=8) | st.just("2025-11-09T10:30:00Z"))
def test_it_reads_every_plain_message(name: str, timestamp: Any) -> None:
    messages = [{**message(name), **_WHOLE[name], "timestamp": timestamp}]
    data = json.dumps(messages).encode()
    try:
        decoded = msgspec.json.decode(data)
    except msgspec.DecodeError:  # a lone surrogate
        assert plain_events(data) is None
        return
    assert plain_events(data) == _careful(decoded) != None  # noqa: E711  # all three
