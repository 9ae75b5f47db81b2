from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.demo import DemoReport, DemoView, PhotoResult


def result(name: str = "a.jpg", number: int = 1, **changes: Any) -> PhotoResult:
    usual: dict[str, Any] = {
        "job_id": f"job-{number}", "name": name, "ok": True, "seconds": 0.25, "preset": "WhiteLayer_Transparency_v4",
        "context": "portrait_backlit", "score": 4.25, "quality_passed": True,
    }  # fmt: skip
    return PhotoResult(**{**usual, **changes})


def failed(name: str = "b.jpg", number: int = 2) -> PhotoResult:
    return PhotoResult(
        job_id=f"job-{number}", name=name, ok=False, seconds=0.01, error="The file is empty.", error_type="empty_file"
    )


def report(*results: PhotoResult, **changes: Any) -> DemoReport:
    return DemoReport(results=results, output=Path("out"), seconds=1.5, **changes)


def plain(encoding: str = "utf-8", width: int = 80) -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    return Console(file=io.TextIOWrapper(raw, encoding, write_through=True), width=width), raw


def test_without_a_terminal_there_is_one_plain_line_for_each_finished_job() -> None:
    console, raw = plain()
    with DemoView(console, 2) as view:
        view.on_progress("job-1", "a.jpg", "importing", 10.0, "Opening")
        view.on_finished(result())
        view.on_finished(failed())
    assert raw.getvalue().decode().splitlines() == [
        "1/2  done    a.jpg  portrait_backlit -> WhiteLayer_Transparency_v4 (0.25 s)",
        "2/2  failed  b.jpg  empty_file: The file is empty. (0.01 s)",
    ]


def test_on_a_terminal_there_are_bars_for_the_run_and_for_each_running_job() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, color_system=None)
    with DemoView(console, 2) as view:
        view.on_progress("job-1", "a.jpg", "exif_analysis", 40.0, "Reading")
        view._progress.refresh()
        shown = file.getvalue()
        view.on_finished(result())
        view._progress.refresh()
        after = file.getvalue()[len(shown) :]
    assert "a.jpg" in shown
    assert " 40 % exif_analysis" in shown
    assert " 20 % 0 of 2" in shown
    assert " 50 % 1 of 2" in after
    assert "exif_analysis" not in after.splitlines()[-1]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_summary_fits_the_terminal_and_100_columns(width: int) -> None:
    console, raw = plain(width=width)
    DemoView(console, 2).summary(report(result("a long name of a photo that goes on.jpg"), failed()))
    table = raw.getvalue().decode().splitlines()[:3]
    assert max(len(line) for line in table) <= min(width, 100)
    assert table[1].split()[-5:] == ["portrait_backlit", "WhiteLayer_Transparency_v4", "4.2", "0.25", "done"]
    assert table[2].split() == ["b.jpg", "-", "-", "-", "0.01", "failed"]


def test_the_summary_says_what_failed_and_why() -> None:
    console, raw = plain()
    DemoView(console, 2).summary(report(result(), failed(), not_started=3, interrupted=True))
    assert raw.getvalue().decode().splitlines()[-2:] == [
        "b.jpg: The file is empty.",
        "1 developed, 1 failed, 3 not started; interrupted after 1.5 s",
    ]


def test_a_result_that_did_not_pass_the_check_is_called_weak() -> None:
    console, raw = plain()
    DemoView(console, 1).summary(report(result(quality_passed=False)))
    text = raw.getvalue().decode()
    assert " weak" in text
    assert "1 developed, 1 of them weak (did not pass the quality check); took 1.5 s" in text


def test_of_a_long_run_the_failures_are_shown_and_the_rest_counted() -> None:
    console, raw = plain()
    results = [result(f"{number}.jpg", number) for number in range(80)] + [failed("last.jpg", 80)]
    DemoView(console, 81).summary(report(*results))
    text = raw.getvalue().decode()
    assert "last.jpg" in text
    assert "... and 21 more" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize(
    "name", ["[red]x.jpg", "日本.jpg", "a\x1b[31m\nb.jpg", "{x}.jpg", "caf\ufffd.jpg", "\u202egpj.jpg"]
)
def test_any_name_can_be_shown_on_any_output(encoding: str, name: str) -> None:
    console, raw = plain(encoding)
    with DemoView(console, 1) as view:
        view.on_progress("job-1", name, "importing", 10.0, name)
        view.on_finished(result(name))
    view.summary(report(result(name), failed(name)))
    text = raw.getvalue().decode(encoding)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert ("[red]x.jpg" in text) == (name == "[red]x.jpg")
