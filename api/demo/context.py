"""The shooting context, by rule from camera settings and measurements. The first rule that fits wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.demo.evaluation import Evaluation
    from api.demo.exif import Exif


@dataclass(frozen=True, slots=True)
class Context:
    """A context such as ``portrait_backlit``, and the reason in a few words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Shot:
    exif: Exif
    measured: Evaluation

    @property
    def is_night(self) -> bool:
        value = self.exif.light_value
        if value is None:
            return self.measured.luminance < 45
        return value < 4 and self.measured.luminance < 90

    @property
    def is_close_up(self) -> bool:
        return "macro" in (self.exif.lens or "").lower()

    @property
    def is_portrait(self) -> bool:
        focal, aperture = self.exif.focal_length, self.exif.aperture
        return focal is not None and aperture is not None and 50 <= focal <= 200 and aperture <= 2.8

    @property
    def is_backlit(self) -> bool:
        return self.measured.surround - self.measured.centre >= 35 and self.measured.surround >= 100

    @property
    def is_landscape(self) -> bool:
        focal, aperture = self.exif.focal_length, self.exif.aperture
        return focal is not None and focal <= 35 and (aperture is None or aperture >= 5.6)

    @property
    def is_low_light(self) -> bool:
        value = self.exif.light_value
        return (self.exif.iso or 0) >= 1600 or (value is not None and value < 7)


_RULES: Final[tuple[tuple[str, str, Callable[[_Shot], bool]], ...]] = (
    ("night", "hardly any light, dark picture", lambda shot: shot.is_night),
    ("close_up", "macro lens", lambda shot: shot.is_close_up),
    (
        "portrait_backlit",
        "portrait lens wide open, centre darker than its surround",
        lambda shot: shot.is_portrait and shot.is_backlit,
    ),
    ("portrait", "portrait lens wide open", lambda shot: shot.is_portrait),
    ("backlit", "centre darker than its surround", lambda shot: shot.is_backlit),
    ("landscape", "wide lens stopped down", lambda shot: shot.is_landscape),
    ("low_light", "high ISO or little light", lambda shot: shot.is_low_light),
)


def detect_context(exif: Exif, measured: Evaluation) -> Context:
    """Name the context; ``general`` when no rule fits."""
    shot = _Shot(exif, measured)
    for name, reason, fits in _RULES:
        if fits(shot):
            return Context(name, reason)
    return Context("general", "no rule fits")
