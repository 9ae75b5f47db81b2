from __future__ import annotations

import json

import pytest

from tests.builders import NOON, SECOND, completed, error, failed, photo_info, progressed, stage_completed, started
from tests.tracker.recordings import present, recorded
from tracker.events import FACTS, Event
from tracker.messages import channel, channels, message, message_text, status
from tracker.projection import fold

# The document of the existing clients, "WebSocket Message Format", field by field.
SEED = {
    "job_started": ["type", "job_id", "photo_id", "photo_info", "timestamp"],
    "job_progress": ["type", "job_id", "photo_id", "stage", "progress", "message", "details", "timestamp"],
    "stage_completed": ["type", "job_id", "photo_id", "stage", "result", "timestamp"],
    "photo_info": ["type", "job_id", "photo_id", "photo_data", "timestamp"],
    "error_occurred": [
        "type",
        "job_id",
        "photo_id",
        "error_type",
        "error_message",
        "error_details",
        "stage",
        "timestamp",
    ],
    "job_completed": ["type", "job_id", "photo_id", "success", "result", "duration", "stages_completed", "timestamp"],
    "job_failed": ["type", "job_id", "photo_id", "success", "result", "duration", "timestamp"],
}
STATUS = {
    "job_id",
    "photo_id",
    "photo_info",
    "current_stage",
    "progress",
    "elapsed_seconds",
    "stages_completed",
    "errors",
    "status",
    "message",
    "started_at",
    "updated_at",
    "completed_at",
    "success",
    "result",
    "duration",
    "position",
    "sequence",
}
ONE_OF_EACH = [started(), progressed(), stage_completed(), photo_info(), error(), completed()]


@pytest.mark.parametrize("event", [*ONE_OF_EACH, failed()])
def test_a_message_has_the_seeds_fields_and_its_place(event: Event) -> None:
    row = recorded(*([] if event.type == "job_started" else [started()]), event)[-1]
    assert list(json.loads(message_text(row))) == [*SEED[event.type], "position", "sequence"]


def test_every_type_has_a_message() -> None:
    assert SEED.keys() == FACTS.keys()


def test_the_seeds_example_is_told_as_it_stands_there() -> None:
    details = {"camera": "Canon EOS R5"}
    row = recorded(started(), progressed(message="Analyzing EXIF data...", details=details))[1]
    assert message(row) == {
        "type": "job_progress",
        "job_id": "job",
        "photo_id": 456,
        "stage": "exif_analysis",
        "progress": 25.0,
        "message": "Analyzing EXIF data...",
        "details": {"camera": "Canon EOS R5"},
        "timestamp": "2025-11-09T12:00:01.000000Z",
        "position": 2,
        "sequence": 2,
    }


@pytest.mark.parametrize("text", ['"', "\\", "}", "</script>", "ü", "{}", "😀"])
def test_whatever_the_texts_are_the_message_is_json(text: str) -> None:
    row = recorded(started(text, event_id=text, photo_id=text, photo_info={text: text}))[0]
    decoded = json.loads(message_text(row, 7))
    assert (decoded["job_id"], decoded["event_id"], decoded["photo_id"]) == (text, text, text)
    assert decoded["photo_info"] == {text: text}
    assert decoded["prev"] == 7


def test_prev_is_there_on_streams_only() -> None:
    row = recorded(started())[0]
    assert "prev" not in message(row)
    assert json.loads(message_text(row, 0))["prev"] == 0


def test_an_event_id_is_told_where_there_is_one() -> None:
    assert message(recorded(started(event_id="e1"))[0])["event_id"] == "e1"
    assert "event_id" not in message(recorded(started())[0])


def test_a_message_keeps_what_the_seed_does_not_know_apart() -> None:
    decoded = message(recorded(started(extra={"a": 1}, occurred_at="2025-11-09T10:30:00Z"))[0])
    assert decoded.keys() - set(SEED["job_started"]) == {"position", "sequence", "extra", "occurred_at"}


@pytest.mark.parametrize(
    ("event_type", "home", "every"),
    [
        ("job_started", "jobs", ("jobs", "photos", "job:j")),
        ("photo_info", "photos", ("photos", "job:j")),
        *[(name, "jobs", ("jobs", "job:j")) for name in FACTS if name not in {"job_started", "photo_info"}],
    ],
)
def test_channels_are_those_of_the_protocol(event_type: str, home: str, every: tuple[str, ...]) -> None:
    assert channel(event_type) == home
    assert channels(event_type, "j") == every


def test_a_status_has_exactly_the_protocols_fields() -> None:
    for rows in (recorded(started()), recorded(*ONE_OF_EACH)):
        assert status(present(fold(rows)), NOON).keys() == STATUS


def test_a_job_with_stages_of_its_own_shows_them() -> None:
    shown = status(present(fold(recorded(started(stages=("scan",))))), NOON)
    assert shown.keys() == STATUS | {"stages"}
    assert shown["stages"] == ["scan"]


def test_the_status_of_an_active_job() -> None:
    shown = status(present(fold(recorded(started(), progressed(message="Reading")))), NOON + 5 * SECOND)
    assert shown["status"] == "active"
    assert (shown["current_stage"], shown["progress"], shown["message"]) == ("exif_analysis", 25.0, "Reading")
    assert (shown["elapsed_seconds"], shown["position"], shown["sequence"]) == (5.0, 2, 2)
    assert (shown["started_at"], shown["updated_at"]) == (
        "2025-11-09T12:00:00.000000Z",
        "2025-11-09T12:00:01.000000Z",
    )
    assert shown["completed_at"] is shown["success"] is shown["result"] is shown["duration"] is None


def test_the_status_of_a_finished_job() -> None:
    shown = status(present(fold(recorded(*ONE_OF_EACH))), NOON + 3600 * SECOND)
    assert (shown["status"], shown["success"], shown["result"]) == ("completed", True, {})
    assert shown["duration"] == shown["elapsed_seconds"] == 5.0
    assert shown["completed_at"] == "2025-11-09T12:00:05.000000Z"
    assert shown["stages_completed"] == [
        {"stage": "exif_analysis", "completed_at": "2025-11-09T12:00:02.000000Z", "result": {}}
    ]
    assert shown["errors"] == [
        {
            "error_type": "io",
            "error_message": "lost",
            "error_details": {},
            "stage": None,
            "timestamp": "2025-11-09T12:00:04.000000Z",
        }
    ]
    json.dumps(shown)
