from __future__ import annotations

import pytest
from PIL import Image, ImageStat

from api.demo.context import Context, detect_context
from api.demo.evaluation import Evaluation
from api.demo.exif import Exif
from api.demo.presets import apply_preset, select_preset


def measured(luminance: float = 118.0, centre: float = 118.0, surround: float = 118.0) -> Evaluation:
    return Evaluation(
        sharpness=200.0,
        luminance=luminance,
        contrast=50.0,
        shadows=0.0,
        highlights=0.0,
        centre=centre,
        surround=surround,
    )


def shot(focal: float, aperture: float, exposure_time: float = 1 / 250, iso: int = 200, lens: str = "") -> Exif:
    return Exif(focal_length=focal, aperture=aperture, exposure_time=exposure_time, iso=iso, lens=lens)


BACKLIT = measured(150, centre=90, surround=158)


@pytest.mark.parametrize(
    ("exif", "evaluation", "name"),
    [
        (shot(85, 1.8), measured(), "portrait"),
        (shot(85, 1.8), BACKLIT, "portrait_backlit"),
        (shot(35, 4.0), BACKLIT, "backlit"),
        (shot(24, 8.0), measured(), "landscape"),
        (shot(24, 2.8, exposure_time=2.0), measured(30), "night"),
        (shot(35, 2.8, exposure_time=1 / 60, iso=3200), measured(100), "low_light"),
        (shot(90, 4.0, lens="FE 90mm F2.8 Macro"), measured(), "close_up"),
        (shot(50, 5.6), measured(), "general"),
        (Exif(), measured(), "general"),
        (Exif(), measured(30), "night"),
        (Exif(), BACKLIT, "backlit"),
    ],
)
def test_context_follows_from_settings_and_measurements(exif: Exif, evaluation: Evaluation, name: str) -> None:
    assert detect_context(exif, evaluation).name == name


def test_a_dark_subject_before_a_bright_garden_gets_the_preset_for_it() -> None:
    preset = select_preset(Context("portrait_backlit", ""), BACKLIT)
    assert preset.name == "WhiteLayer_Transparency_v4"
    assert preset.exposure > 0


def test_every_context_without_a_preset_of_its_own_gets_the_natural_one() -> None:
    assert select_preset(Context("general", ""), measured()).name == "Balanced_Natural_v2"


@pytest.mark.parametrize(("level", "sign"), [(30, 1), (118, 0), (230, -1)])
def test_the_exposure_moves_a_picture_towards_medium_brightness(level: int, sign: int) -> None:
    preset = select_preset(Context("general", ""), measured(level))
    assert (preset.exposure > 0) - (preset.exposure < 0) == sign
    image = Image.new("RGB", (20, 20), (level, level, level))
    mean = ImageStat.Stat(apply_preset(image, preset, lambda share: None)).mean[0]
    assert (mean > level + 5) - (mean < level - 5) == sign


def test_a_night_stays_darker_than_a_day() -> None:
    night = select_preset(Context("night", ""), measured(30))
    day = select_preset(Context("general", ""), measured(30))
    assert 0 < night.exposure < day.exposure


@pytest.mark.parametrize("luminance", [0.0, 255.0])
def test_the_extremes_have_a_preset_within_bounds(luminance: float) -> None:
    exposure = select_preset(Context("general", ""), measured(luminance)).exposure
    assert -0.7 <= exposure <= 1.2


def test_applying_tells_its_steps_and_leaves_the_original_alone() -> None:
    image, shares = Image.new("RGB", (20, 20), (60, 90, 30)), list[float]()
    result = apply_preset(image, select_preset(Context("landscape", ""), measured(60)), shares.append)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert image.getpixel((0, 0)) == (60, 90, 30)
    assert result.getpixel((0, 0)) != (60, 90, 30)
