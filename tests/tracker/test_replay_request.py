"""What may be said about a replay."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOON
from tracker.errors import InvalidEvent, InvalidQuery
from tracker.replay import Moment
from tracker.replay_request import (
    CONTROLS,
    Pause,
    ReplayRequest,
    Resume,
    Seek,
    Speed,
    Step,
    Stop,
    read_control,
    read_place,
    read_replay_id,
    read_request,
)


def test_a_job_is_enough() -> None:
    assert read_request({"type": "replay", "job_id": "j"}) == ReplayRequest(job_id="j", speed=1.0)
    assert read_request({"job_id": "j", "speed": None, "after": None, "paused": None}) == ReplayRequest(job_id="j")


def test_everything_that_can_be_said() -> None:
    said = {"job_id": "j", "after": 7.0, "since": 8, "until": "2025-11-09T12:00:00Z", "speed": 10, "max_gap_seconds": 2}
    assert read_request({**said, "paused": True}) == ReplayRequest(
        job_id="j", after=7, since=8, until=Moment(NOON), speed=10.0, max_gap_seconds=2.0, is_paused=True
    )


@pytest.mark.parametrize("part", [{"since": 0}, {"until": 9}, {"after": 0}, {"since": "2025-11-09T12:00:00Z"}])
def test_a_part_of_the_log_needs_no_job(part: dict[str, Any]) -> None:
    assert read_request(part).job_id is None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "job_id"),
        ({"speed": 10}, "job_id"),
        ({"job_id": ""}, "job_id"),
        ({"job_id": 5}, "job_id"),
        ({"job_id": "j\n"}, "job_id"),
        ({"job_id": "j", "speed": 0}, "speed"),
        ({"job_id": "j", "speed": 1001}, "speed"),
        ({"job_id": "j", "speed": "fast"}, "speed"),
        ({"job_id": "j", "max_gap_seconds": -1}, "max_gap_seconds"),
        ({"job_id": "j", "max_gap_seconds": "2s"}, "max_gap_seconds"),
        ({"job_id": "j", "after": -1}, "after"),
        ({"job_id": "j", "after": "2025-11-09T12:00:00Z"}, "after"),
        ({"job_id": "j", "paused": 1}, "paused"),
        ({"since": "2025-11-09T12:00:01Z", "until": "2025-11-09T12:00:00Z"}, "since"),
        ({"since": 9, "until": 8}, "since"),
        ({"since": True}, "since"),
        ({"until": 2**53}, "until"),
        ({"until": []}, "until"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        read_request(said)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "text",
    ["2025-11-09T12:00:00Z", "2025-11-09T13:00:00+01:00", "2025-11-09 12:00:00.000000+00:00", "20251109T120000Z"],
)
def test_a_time_is_one_in_any_zone(text: str) -> None:
    assert read_place("since", text) == Moment(NOON)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-11-09", "2025-11-09T12:00:00", "20251109", "12:00", "2025-13-01T00:00:00Z", "42"]
)
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="must be a time in ISO 8601 with its zone"):
        read_place("since", text)


@given(st.text(max_size=50) | st.integers() | st.floats() | st.none() | st.datetimes(timezones=st.timezones()).map(str))
def test_any_place_is_read_or_refused(value: Any) -> None:
    with suppress(InvalidQuery):
        place = read_place("to", value)
        assert place is None or isinstance(place, Moment) or place >= 0


def test_the_controls() -> None:
    said = {name: {"type": name, "to": 4, "speed": 7} for name in CONTROLS}
    understood = {name: read_control(message) for name, message in said.items()}
    assert understood == {
        "pause": Pause(),
        "resume": Resume(),
        "step": Step(),
        "seek": Seek(4),
        "speed": Speed(7.0),
        "replay_stop": Stop(),
    }


@pytest.mark.parametrize(
    ("message", "field"),
    [({"type": "seek"}, "to"), ({"type": "seek", "to": "back"}, "to"), ({"type": "speed"}, "speed")],
)
def test_a_control_without_what_it_needs_is_refused(message: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        read_control(message)
    assert refused.value.field == field


@pytest.mark.parametrize("replay_id", ["", 1, [], "x" * 201])
def test_a_replay_that_has_no_such_name_is_refused(replay_id: Any) -> None:
    with pytest.raises(InvalidQuery, match="replay_id: must be that of a replay_started message"):
        read_replay_id({"type": "pause", "replay_id": replay_id})
    assert read_replay_id({"type": "pause"}) is None
    assert read_replay_id({"replay_id": "r1"}) == "r1"
