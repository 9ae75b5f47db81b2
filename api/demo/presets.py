"""Development presets: which one suits a context, and what it does to the pixels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from api.demo.pillow import Image, ImageEnhance

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.demo.context import Context
    from api.demo.evaluation import Evaluation

_LEAST_EXPOSURE, _MOST_EXPOSURE = -0.7, 1.2
_LEAST_FILL: Final = 0.25  # a backlit subject is always lifted
_TOLERANCE: Final = 22.0  # luminance around the aim that is left alone
_BACKLIT: Final = frozenset({"portrait_backlit", "backlit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of adjustments.

    ``contrast``, ``saturation`` and ``sharpness`` are factors, where 1 changes nothing. ``exposure`` is -0.7
    to 1.2: the bend of a tone curve that keeps black and white in place, 0 changes nothing. ``blend_amount``
    is how much of the result is mixed into the original, 0 to 100 percent.
    """

    name: str
    contrast: float
    saturation: float
    sharpness: float
    blend_amount: int
    exposure: float = 0.0

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.name}: exposure {self.exposure:+.2f}, contrast {self.contrast:g}, "
            f"saturation {self.saturation:g}, sharpness {self.sharpness:g}, {self.blend_amount} % blend"
        )

    def as_json(self) -> dict[str, Any]:
        """Name and parameters as JSON values."""
        return asdict(self)


_NATURAL: Final = Preset(name="Balanced_Natural_v2", contrast=1.05, saturation=1.05, sharpness=1.2, blend_amount=70)
_BY_CONTEXT: Final = {
    "night": Preset(name="NightClean_v1", contrast=1.08, saturation=0.95, sharpness=1.0, blend_amount=60),
    "close_up": Preset(name="Detail_Natural_v1", contrast=1.05, saturation=1.1, sharpness=1.4, blend_amount=70),
    "portrait_backlit": Preset(
        name="WhiteLayer_Transparency_v4", contrast=1.02, saturation=1.06, sharpness=1.1, blend_amount=80
    ),
    "portrait": Preset(name="SoftPortrait_v3", contrast=0.98, saturation=1.04, sharpness=1.1, blend_amount=60),
    "backlit": Preset(name="FillLight_v2", contrast=1.05, saturation=1.08, sharpness=1.2, blend_amount=80),
    "landscape": Preset(name="DeepSky_Clarity_v3", contrast=1.12, saturation=1.18, sharpness=1.4, blend_amount=75),
    "low_light": Preset(name="LowLight_Warm_v1", contrast=1.04, saturation=1.0, sharpness=1.0, blend_amount=65),
}
# Mean luminance the tone curve aims at: a night shall stay a night, and what is behind a backlit subject
# shall not be burnt.
_AIMS: Final = {"night": 62.0, "low_light": 100.0, "portrait_backlit": 92.0, "backlit": 92.0}
_AIM: Final = 118.0


def select_preset(context: Context, measured: Evaluation) -> Preset:
    """The preset for ``context``, with its exposure set from the measured luminance."""
    preset = _BY_CONTEXT.get(context.name, _NATURAL)
    backlit = context.name in _BACKLIT
    # In a backlit picture the subject is what shall be bright enough, not the whole.
    exposure = _exposure(measured.centre if backlit else measured.luminance, _AIMS.get(context.name, _AIM))
    return replace(preset, exposure=max(_LEAST_FILL, exposure) if backlit else exposure)


def apply_preset(image: Image.Image, preset: Preset, on_step: Callable[[float], None]) -> Image.Image:
    """A developed copy of an RGB picture; ``on_step`` gets the share done, 0 to 1, after each adjustment."""
    developed = image.point(_curve(preset.exposure) * 3)
    on_step(0.2)
    adjustments: tuple[tuple[Callable[[Image.Image], Any], float], ...] = (
        (ImageEnhance.Contrast, preset.contrast),
        (ImageEnhance.Color, preset.saturation),
        (ImageEnhance.Sharpness, preset.sharpness),
    )
    for step, (adjustment, factor) in enumerate(adjustments, start=2):
        developed = adjustment(developed).enhance(factor)
        on_step(step / 5)
    return Image.blend(image, developed, preset.blend_amount / 100)


def _exposure(luminance: float, aim: float) -> float:
    now = min(250.0, max(5.0, luminance))
    wanted = min(aim + _TOLERANCE, max(aim - _TOLERANCE, now))
    bend = -math.log2(math.log(wanted / 255) / math.log(now / 255))
    return round(min(_MOST_EXPOSURE, max(_LEAST_EXPOSURE, bend)), 2)


def _curve(exposure: float) -> list[int]:
    return [round(255 * (level / 255) ** (2**-exposure)) for level in range(256)]
