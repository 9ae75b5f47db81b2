from __future__ import annotations

import time
from datetime import datetime

import pytest

from tests.builders import NOON, SECOND
from tracker.times import iso, now


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (NOON, "2025-11-09T12:00:00.000000Z"),
        (NOON + 1, "2025-11-09T12:00:00.000001Z"),
        (NOON + SECOND - 1, "2025-11-09T12:00:00.999999Z"),
        (NOON + SECOND, "2025-11-09T12:00:01.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_iso_8601_in_utc_to_the_microsecond(microseconds: int, text: str) -> None:
    assert iso(microseconds) == text
    assert datetime.fromisoformat(text).timestamp() == microseconds / SECOND


def test_now_is_the_systems_clock_in_microseconds() -> None:
    before = time.time_ns() // 1000
    assert before <= now() <= time.time_ns() // 1000
