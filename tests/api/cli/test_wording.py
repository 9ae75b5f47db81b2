from __future__ import annotations

import pytest

from api.cli import wording
from api.cli.terminal import plain


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0851, "85 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1m 00s"),
        (185, "3m 05s"),
        (3599.6, "1h 00m"),
        (86_399, "23h 59m"),
        (86_400, "1d 00h"),
        (400_000, "4d 15h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (1.5, "1.5 seconds"),
        (90, "90 seconds"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (86_400, "1 day"),
        (604_800, "7 days"),
    ],
)
def test_spans(seconds: float, words: str) -> None:
    assert wording.span(seconds) == words


def test_counts() -> None:
    assert [wording.count(number, "job") for number in (0, 1, 1200)] == ["0 jobs", "1 job", "1,200 jobs"]


def test_progress_is_100_only_at_the_end() -> None:
    assert [wording.percent(progress) for progress in (0, 99.99, 100)] == ["0 %", "99 %", "100 %"]


def test_text_from_outside_is_one_harmless_line() -> None:
    assert plain("a\x1b[2Jb\nc\u202ed\x07") == "a [2Jb c d"
    assert plain("x" * 10, 5) == "xxxx…"
    assert plain(7) == "7"
