from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from api.demo.evaluation import Evaluation, evaluate
from api.demo.picture import decode
from api.demo.quality import check_quality


@pytest.fixture
def image(photo: Path) -> Image.Image:
    return decode(photo.read_bytes()).image


def test_the_more_blurred_the_lower_the_focus(image: Image.Image) -> None:
    measured = [evaluate(image.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 0.7, 1.4)]
    assert measured[0].sharpness > measured[1].sharpness > measured[2].sharpness
    assert measured[0].focus_score > measured[1].focus_score > measured[2].focus_score


@pytest.mark.parametrize(("factor", "exposure"), [(0.3, "underexposed"), (1.0, "balanced"), (2.5, "overexposed")])
def test_wrong_exposure_is_named_and_scored_lower(image: Image.Image, factor: float, exposure: str) -> None:
    changed = evaluate(image.point([min(255, round(level * factor)) for level in range(256)] * 3))
    assert changed.exposure == exposure
    assert (changed.exposure_score < evaluate(image).exposure_score) == (exposure != "balanced")


def test_black_and_white_are_clipped_and_grey_is_not() -> None:
    black, grey, white = (evaluate(Image.new("RGB", (90, 60), (level,) * 3)) for level in (0, 128, 255))
    assert (black.shadows, black.highlights) == (1.0, 0.0)
    assert (grey.shadows, grey.highlights) == (0.0, 0.0)
    assert (white.shadows, white.highlights) == (0.0, 1.0)
    assert (black.exposure_score, grey.exposure_score, white.exposure_score) == (0.0, 5.0, 0.0)


def test_the_centre_is_measured_apart_from_its_surround() -> None:
    image = Image.new("RGB", (90, 90), "white")
    image.paste("black", (30, 30, 60, 60))
    measured = evaluate(image)
    assert (measured.centre, measured.surround) == (0.0, 255.0)


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (3, 3), (1, 5000)])
def test_the_smallest_pictures_can_be_measured(size: tuple[int, int]) -> None:
    measured = evaluate(Image.new("RGB", size, "grey"))
    assert measured.focus_score == 0.0
    json.dumps(measured.as_json(), allow_nan=False)


def of(**changes: float) -> Evaluation:
    usual = {"sharpness": 200.0, "luminance": 118.0, "contrast": 50.0, "shadows": 0.0, "highlights": 0.0}
    return Evaluation(**{**usual, "centre": 118.0, "surround": 118.0, **changes})


def test_a_result_like_its_original_passes() -> None:
    assert check_quality(of(), of()).passed


@pytest.mark.parametrize(
    ("after", "finding"),
    [
        (of(sharpness=100.0), "softer than before"),
        (of(highlights=0.04), "4 % more pixels clipped"),
        (of(luminance=200.0), "exposure worse than before"),
    ],
)
def test_a_result_that_lost_something_does_not_pass(after: Evaluation, finding: str) -> None:
    check = check_quality(of(), after)
    assert not check.passed
    assert check.findings == (finding,)


def test_a_blurred_original_does_not_pass_however_careful_the_development() -> None:
    assert check_quality(of(sharpness=8.0), of(sharpness=9.0)).findings == ("out of focus",)
