"""What is made of a server's answer, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracker.errors import DuplicateEvent, InvalidEvent, JobFinished, JobNotFound
from tracker.remote.answers import Accepted, Later, Place, Refused, TooLarge, meaning
from tracker.tokens import Forbidden

PLACE = {"position": 7, "sequence": 2, "timestamp": "2025-11-09T10:30:00.000000Z"}


def answer(status: int, body: Any, count: int = 2, **headers: str) -> Any:
    return meaning(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, count)


def encoded(**body: Any) -> bytes:
    return json.dumps(body).encode()


def test_all_are_recorded() -> None:
    accepted = answer(200, encoded(success=True, events=[PLACE, PLACE]))
    assert accepted == Accepted([Place(**PLACE)] * 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"events":7}', b'{"events":[]}', encoded(events=[PLACE]), encoded(events=[{"position": 1}] * 2)]
)
def test_an_answer_of_another_version_is_no_answer(body: bytes) -> None:
    later = answer(200, body)
    assert isinstance(later, Later)
    assert later.is_theirs


@pytest.mark.parametrize(
    ("status", "body", "kind", "fields"),
    [
        (404, {"code": "job_not_found", "job_id": "j", "index": 1}, JobNotFound, {"job_id": "j"}),
        (409, {"code": "job_finished", "job_id": "j", "index": 1}, JobFinished, {"job_id": "j"}),
        (409, {"code": "duplicate_event", "event_id": "e", "index": 1}, DuplicateEvent, {"event_id": "e"}),
        (400, {"code": "invalid_event", "field": "stage", "index": 1}, InvalidEvent, {"field": "stage"}),
        (403, {"code": "forbidden", "index": 1}, Forbidden, {}),
    ],
)
def test_a_refused_event_is_named_with_its_error(status: int, body: Any, kind: type, fields: Any) -> None:
    refused = answer(status, encoded(success=False, error="No.", **body))
    assert isinstance(refused, Refused)
    assert (refused.index, type(refused.error), str(refused.error)) == (1, kind, "No.")
    assert refused.error.fields() == fields


def test_of_a_single_event_no_index_is_needed() -> None:
    refused = answer(404, encoded(error="No.", code="job_not_found"), count=1)
    assert isinstance(refused, Refused)
    assert refused.index == 0


@pytest.mark.parametrize("index", [None, -1, 2, "1", 1.0, True])
def test_without_a_good_index_nothing_is_given_up(index: Any) -> None:
    assert isinstance(answer(404, encoded(error="No.", code="job_not_found", index=index)), Later)


def test_a_batch_may_be_too_large() -> None:
    assert answer(413, encoded(error="Too large.", code="request_entity_too_large")) == TooLarge()


@pytest.mark.parametrize(
    ("status", "is_theirs"),
    [(401, True), (403, True), (404, True), (405, True), (408, False), (429, False), (503, False)],
)
def test_everything_else_is_for_later(status: int, is_theirs: bool) -> None:
    later = answer(status, encoded(error="Not now.", code="something"))
    assert later == Later("Not now.", None, is_theirs)


@pytest.mark.parametrize("status", [200, 302, 404, 502])
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"success":true', b"[]", b"\xff"])
def test_what_is_not_our_json_comes_from_something_else(status: int, body: bytes) -> None:
    later = answer(status, body)
    assert isinstance(later, Later)
    assert str(status) in later.reason


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), ("86400", 60.0), ("-1", None), ("soon", None), ("", None)])
def test_the_server_says_when(text: str, seconds: float | None) -> None:
    later = answer(429, encoded(error="Slower.", code="too_many_requests"), Retry_After=text)
    assert isinstance(later, Later)
    assert later.seconds == seconds
