"""The eight stages of a photo's job, and how much of the whole each one is."""

from __future__ import annotations

from typing import Final

IMPORTING: Final = "importing"
EXIF_ANALYSIS: Final = "exif_analysis"
AI_EVALUATION: Final = "ai_evaluation"
CONTEXT_DETECTION: Final = "context_detection"
PRESET_SELECTION: Final = "preset_selection"
APPLYING_PRESET: Final = "applying_preset"
QUALITY_CHECK: Final = "quality_check"
EXPORTING: Final = "exporting"

# Overall percent at which each stage begins, roughly by the time it takes.
_BEGINS: Final = {
    IMPORTING: 0.0,
    EXIF_ANALYSIS: 30.0,
    AI_EVALUATION: 36.0,
    CONTEXT_DETECTION: 50.0,
    PRESET_SELECTION: 54.0,
    APPLYING_PRESET: 58.0,
    QUALITY_CHECK: 80.0,
    EXPORTING: 90.0,
}
STAGES: Final = tuple(_BEGINS)
_ENDS: Final = dict(zip(STAGES, [*list(_BEGINS.values())[1:], 100.0], strict=True))


def overall(stage: str, share: float) -> float:
    """Percent of the whole job, 0 to 100, when ``share`` (0 to 1) of ``stage`` is done."""
    begin, end = _BEGINS[stage], _ENDS[stage]
    return round(begin + (end - begin) * min(1.0, max(0.0, share)), 1)
