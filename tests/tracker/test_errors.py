from __future__ import annotations

import pickle
from typing import Any

import pytest

from tracker import errors
from tracker.errors import (
    ClockDoubtful,
    CursorReset,
    CursorTruncated,
    DuplicateEvent,
    InvalidEvent,
    InvalidQuery,
    InvalidSetting,
    JobExists,
    JobFinished,
    JobNotFound,
    JobPruned,
    LogMissing,
    LogNotEmpty,
    NotInitialized,
    RecorderClosed,
    RecorderFull,
    SchemaMismatch,
    ServerError,
    ServerRefused,
    ServerUnreachable,
    StoreError,
    StoreOwned,
    StoreUnavailable,
    TrackerError,
)

EVERY = [
    (InvalidEvent("stage", "x", "is wrong"), {"field": "stage"}),
    (InvalidEvent.of("job_id", "is missing"), {"field": "job_id"}),
    (InvalidQuery("limit", 0, "must be from 1"), {"field": "limit"}),
    (InvalidSetting("port", "x", "must be a number"), {"setting": "port"}),
    (NotInitialized("call init"), {}),
    (JobNotFound("j"), {"job_id": "j"}),
    (JobExists("j"), {"job_id": "j"}),
    (JobFinished("j"), {"job_id": "j"}),
    (JobPruned("j"), {"job_id": "j"}),
    (DuplicateEvent("e"), {"event_id": "e"}),
    (StoreError("broken"), {}),
    (StoreUnavailable("busy"), {}),
    (StoreOwned("/log.db", 7, "http://127.0.0.1:5100"), {"pid": 7, "url": "http://127.0.0.1:5100"}),
    (StoreOwned("/log.db", None, None), {"pid": None, "url": None}),
    (LogMissing("/log.db"), {}),
    (LogNotEmpty("/log.db"), {}),
    (SchemaMismatch("9", "1", "Update."), {"found": "9", "expected": "1"}),
    (RecorderFull(10, 1.5), {"capacity": 10}),
    (RecorderClosed(), {}),
    (ClockDoubtful("2036-11-20T12:00:00Z", "was set forward"), {}),
    (ServerError("127.0.0.1", 80, "it is taken"), {"host": "127.0.0.1", "port": 80}),
    (ServerUnreachable("http://h", "No server."), {"url": "http://h"}),
    (ServerRefused("http://h", "No.", "unauthorized"), {"url": "http://h", "refusal": "unauthorized"}),
    (CursorReset(5, "epoch"), {"cursor": 5, "epoch": "epoch"}),
    (CursorTruncated(5, 9), {"cursor": 5, "horizon": 9}),
]


@pytest.mark.parametrize(("error", "fields"), EVERY)
def test_an_error_shows_its_fields_and_survives_pickling(error: TrackerError, fields: dict[str, Any]) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) != ""
    assert again.fields() == error.fields() == fields
    assert again.__dict__ == error.__dict__


def test_every_error_is_in_the_list_above() -> None:
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TrackerError)}
    assert defined - {TrackerError} == {type(error) for error, _ in EVERY}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = {type(error): error.code for error, _ in EVERY}
    assert len(set(codes.values())) == len(codes)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(InvalidEvent, ValueError)
    assert issubclass(InvalidSetting, ValueError)
    assert issubclass(JobNotFound, LookupError)
    assert issubclass(NotInitialized, RuntimeError)


def test_a_setting_shows_a_long_path_whole_and_the_beginning_of_what_is_no_path() -> None:
    path = "/Users/somebody" + "/Library/Application Support" * 10 + "/cert.pem"
    assert f"(got {path!r})" in str(InvalidSetting("tls_cert", path, "cannot be read"))
    assert len(str(InvalidSetting("port", "1" * 100_000, "must be a number"))) < 1100


def test_only_an_unavailable_store_is_a_store_error_to_retry() -> None:
    assert issubclass(StoreUnavailable, StoreError)
    assert not issubclass(StoreOwned, StoreUnavailable)
    assert not issubclass(SchemaMismatch, StoreUnavailable)


def test_the_place_in_a_list_is_shown_where_there_is_one() -> None:
    error = JobNotFound("j")
    assert "index" not in error.fields()
    error.index = 0
    assert error.fields() == {"job_id": "j", "index": 0}


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def deep() -> list[object]:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("value", [deep(), [10**5000], Unprintable(), "x" * 10_000, ["\ud800"]])
def test_any_value_can_be_shown_in_a_short_sentence(value: object) -> None:
    error = InvalidEvent("field", value, "is wrong")
    assert len(str(error).encode()) < 200


def test_an_owned_log_names_its_owner_and_the_way_out() -> None:
    assert "process 7" in str(StoreOwned("/log.db", 7, None))
    assert 'init_progress_reporter("http://127.0.0.1:1")' in str(StoreOwned("/log.db", 7, "http://127.0.0.1:1"))
