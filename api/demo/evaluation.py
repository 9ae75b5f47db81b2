"""What can be measured of a picture: sharpness, exposure, contrast; and a score made of them.

These are plain measurements of the pixels. They know nothing of content or taste.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from api.demo.pillow import Image, ImageFilter, ImageStat

_MEASURED_EDGE: Final = 800  # pixels; sharpness depends on size, so all are measured at the same
_LAPLACIAN: Final = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
_SHADOW, _HIGHLIGHT = 3, 252  # luminance, 0 to 255, at which detail counts as lost
_BLURRED, _SHARP = 4.0, 400.0  # variance of the Laplacian that scores 0, and 5
_MIDDLE, _TOLERANCE = 118.0, 32.0  # mean luminance that scores best, and how far off costs nothing
_DARK, _BRIGHT = 70.0, 180.0  # mean luminance below and above which the exposure is called wrong
_BURNT_SHARE: Final = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Measurements of one picture.

    Luminances are means from 0 to 255, ``contrast`` is the standard deviation of the luminance, ``shadows``
    and ``highlights`` are the shares (0 to 1) of pixels without detail. ``sharpness`` is the variance of the
    Laplacian, from 0 upwards. ``centre`` is the middle third of the picture, ``surround`` the rest.
    """

    sharpness: float
    luminance: float
    contrast: float
    shadows: float
    highlights: float
    centre: float
    surround: float

    @property
    def focus_score(self) -> float:
        """From 0 (blurred) to 5 (sharp), logarithmic in ``sharpness``."""
        if self.sharpness <= _BLURRED:
            return 0.0
        return _score(5 * math.log(self.sharpness / _BLURRED) / math.log(_SHARP / _BLURRED))

    @property
    def exposure_score(self) -> float:
        """From 0 to 5: less the further from medium brightness, and the more detail is lost."""
        off = max(0.0, abs(self.luminance - _MIDDLE) - _TOLERANCE) / 20
        lost = max(0.0, self.shadows + self.highlights - 0.01) * 8
        return _score(5 - off - lost)

    @property
    def score(self) -> float:
        """The mean of both scores, 0 to 5."""
        return _score((self.focus_score + self.exposure_score) / 2)

    @property
    def exposure(self) -> str:
        """``underexposed``, ``overexposed`` or ``balanced``."""
        if self.luminance > _BRIGHT or self.highlights > _BURNT_SHARE:
            return "overexposed"
        return "underexposed" if self.luminance < _DARK else "balanced"

    @property
    def summary(self) -> str:
        """One line for people, saying what was measured."""
        lost = 100 * (self.shadows + self.highlights)
        return (
            f"Focus {self.focus_score} (Laplacian variance {self.sharpness:.0f}), "
            f"exposure {self.exposure_score} "
            f"({self.exposure}, mean luminance {self.luminance:.0f}, {lost:.1f} % clipped)"
        )

    def as_json(self) -> dict[str, Any]:
        """Scores and measurements as JSON values."""
        scores = {name: getattr(self, name) for name in ("score", "focus_score", "exposure_score", "exposure")}
        return {**scores, **asdict(self)}


def evaluate(image: Image.Image) -> Evaluation:
    """Measure an RGB picture. Does not change it."""
    grey = image.convert("L")
    grey.thumbnail((_MEASURED_EDGE, _MEASURED_EDGE), Image.Resampling.LANCZOS)
    whole = ImageStat.Stat(grey)
    centre, surround = _centre_and_surround(grey, whole.mean[0])
    shadows, highlights = _clipped(grey)
    return Evaluation(
        sharpness=round(_sharpness(grey), 1),
        luminance=round(whole.mean[0], 1),
        contrast=round(whole.stddev[0], 1),
        shadows=shadows,
        highlights=highlights,
        centre=round(centre, 1),
        surround=round(surround, 1),
    )


def _sharpness(grey: Image.Image) -> float:
    width, height = grey.size
    if width < 3 or height < 3:
        return 0.0
    # The filter leaves the outermost pixels as they were: they would count as edges.
    edges = grey.filter(_LAPLACIAN).crop((1, 1, width - 1, height - 1))
    return float(ImageStat.Stat(edges).var[0])


def _clipped(grey: Image.Image) -> tuple[float, float]:
    histogram, pixels = grey.histogram(), grey.width * grey.height
    return round(sum(histogram[: _SHADOW + 1]) / pixels, 4), round(sum(histogram[_HIGHLIGHT:]) / pixels, 4)


def _centre_and_surround(grey: Image.Image, mean: float) -> tuple[float, float]:
    width, height = grey.size
    box = (width // 3, height // 3, width - width // 3, height - height // 3)
    inner = (box[2] - box[0]) * (box[3] - box[1])
    outer = width * height - inner
    centre = ImageStat.Stat(grey.crop(box)).mean[0]
    return centre, (mean * width * height - centre * inner) / outer if outer else mean


def _score(value: float) -> float:
    return round(min(5.0, max(0.0, value)), 1)
