"""Errors as clients see them."""

from __future__ import annotations

import pytest

from api import problems
from tracker.errors import (
    DuplicateEvent,
    InvalidEvent,
    InvalidQuery,
    JobExists,
    JobFinished,
    JobNotFound,
    JobPruned,
    RecorderClosed,
    RecorderFull,
    SchemaMismatch,
    StoreError,
    StoreOwned,
    StoreUnavailable,
    TrackerError,
)
from tracker.events import EventTooLarge

SEEN_BY_CLIENTS = [
    (InvalidEvent("progress", 101, "must be from 0 to 100"), 400, "invalid_event", {"field": "progress"}),
    (InvalidEvent.of("", "not JSON"), 400, "invalid_event", {"field": ""}),
    (InvalidQuery("limit", "0", "must be from 1"), 400, "invalid_query", {"field": "limit"}),
    (EventTooLarge.of("", "too large"), 413, "event_too_large", {"field": ""}),
    (JobNotFound("j"), 404, "job_not_found", {"job_id": "j"}),
    (JobExists("j"), 409, "job_exists", {"job_id": "j"}),
    (JobFinished("j"), 409, "job_finished", {"job_id": "j"}),
    (JobPruned("j"), 410, "job_pruned", {"job_id": "j"}),
    (DuplicateEvent("e"), 409, "duplicate_event", {"event_id": "e"}),
    (StoreError("broken"), 503, "store_error", {}),
    (StoreUnavailable("busy"), 503, "store_unavailable", {}),
    (StoreOwned("log.db", 7, None), 503, "store_owned", {"pid": 7, "url": None}),
    (SchemaMismatch("0002", "0001", "Update."), 503, "schema_mismatch", {"found": "0002", "expected": "0001"}),
    (RecorderFull(10, 0), 503, "recorder_full", None),
    (RecorderClosed(), 503, "recorder_closed", {}),
]


@pytest.mark.parametrize(("error", "status", "code", "fields"), SEEN_BY_CLIENTS)
def test_every_error_has_its_status_and_the_one_body(
    error: TrackerError, status: int, code: str, fields: dict[str, object] | None
) -> None:
    assert problems.status(error) == status
    body = problems.body(error)
    assert body.pop("success") is False
    assert body.pop("error") == str(error)
    assert body.pop("code") == code
    if fields is not None:
        assert body == fields


def test_an_error_nobody_expects_a_client_to_see_is_the_servers_fault() -> None:
    assert problems.status(TrackerError("?")) == 500


def test_the_index_of_the_refused_event_is_shown() -> None:
    error = JobNotFound("j")
    assert "index" not in problems.body(error)
    error.index = 0
    assert problems.body(error)["index"] == 0


def test_a_path_of_the_server_is_not_shown_in_the_fields() -> None:
    assert "path" not in problems.body(StoreOwned("/home/someone/log.db", 7, None))


def test_a_websocket_reply_has_the_same_fields_the_type_and_the_ref() -> None:
    reply = problems.reply(JobNotFound("j"), "r1")
    assert reply == {
        "type": "error",
        "error": str(JobNotFound("j")),
        "code": "job_not_found",
        "job_id": "j",
        "ref": "r1",
    }


def test_a_reply_without_a_ref_says_null() -> None:
    assert problems.reply(JobNotFound("j"))["ref"] is None


def test_a_value_too_deep_to_show_is_named_and_not_shown() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert "deeply nested list" in str(InvalidEvent("stage", value, "must be a string"))
