from __future__ import annotations

import re
from typing import Any

import pytest

from api.cli.event_lines import EventLines

_BASE = {"job_id": "job-1", "photo_id": 4, "timestamp": "2025-11-09T10:30:00.5Z", "position": 1, "sequence": 1}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "job_started", "photo_info": {"file_name": "IMG.CR3"}}, "started  IMG.CR3"),
        ({"type": "job_started", "photo_info": {}}, "started  photo 4"),
        ({"type": "job_started", "photo_id": None}, "started"),
        (
            {"type": "job_progress", "stage": "exif_analysis", "progress": 25.9, "message": "Reading"},
            "exif_analysis      25 %  Reading",
        ),
        ({"type": "stage_completed", "stage": "exporting", "result": {}}, "exporting          done"),
        ({"type": "photo_info", "photo_data": {"exif": {}, "score": 4}}, "photo info  exif, score"),
        ({"type": "error_occurred", "error_type": "io", "error_message": "lost\x1b[1m"}, "io: lost [1m"),
        ({"type": "job_completed", "duration": 3.21}, "completed after 3.2 s"),
        ({"type": "job_failed", "duration": 0.5}, "failed after 500 ms"),
        ({"type": "job_completed"}, "completed"),
        ({"type": "job_dreamt_of"}, "job_dreamt_of"),
    ],
)
def test_an_event_is_a_line(message: dict[str, Any], said: str) -> None:
    line = EventLines().line({**_BASE, **message}).plain
    assert re.fullmatch(r"\d\d:\d\d:\d\d  job-1  (.*)", line.rstrip())[1] == said  # type: ignore[index]


def test_columns_stand_under_each_other() -> None:
    lines = EventLines()
    done = {"type": "job_completed"}
    assert lines.line({**_BASE, **done, "job_id": "a-longer-id"}).plain[10:] == "a-longer-id  completed"
    assert lines.line({**_BASE, **done}).plain[10:] == "job-1        completed"


def test_a_job_has_one_colour_and_what_happened_its_own() -> None:
    lines = EventLines()
    first, second = (lines.line({**_BASE, "type": kind}) for kind in ("job_started", "job_failed"))
    assert first.spans[1].style == second.spans[1].style
    assert second.spans[2].style == "bold red"
