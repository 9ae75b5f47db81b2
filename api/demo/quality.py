"""The check of a result: measured again, and compared with what it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from api.demo.evaluation import Evaluation

_SOFTER: Final = 0.75  # of the sharpness before
_MORE_CLIPPED: Final = 0.03  # share of all pixels
_LOW_SCORE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityCheck:
    """Both measurements and what speaks against the result; nothing does exactly when ``passed``."""

    before: Evaluation
    after: Evaluation
    findings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the result holds up."""
        return not self.findings

    @property
    def summary(self) -> str:
        """One line for people."""
        verdict = "Passed" if self.passed else f"Not passed: {', '.join(self.findings)}"
        return f"{verdict} (score {self.before.score} before, {self.after.score} after)"

    def as_json(self) -> dict[str, Any]:
        """Verdict and the compared measurements as JSON values."""
        return {
            "passed": self.passed,
            "findings": list(self.findings),
            "score_before": self.before.score,
            "score_after": self.after.score,
            "sharpness_before": self.before.sharpness,
            "sharpness_after": self.after.sharpness,
            "luminance_before": self.before.luminance,
            "luminance_after": self.after.luminance,
        }


def check_quality(before: Evaluation, after: Evaluation) -> QualityCheck:
    """Compare a result with its original: it may not lose detail, and may not be poor in itself."""
    clipped = (after.shadows + after.highlights) - (before.shadows + before.highlights)
    tests = (
        ("softer than before", after.sharpness < _SOFTER * before.sharpness),
        (f"{100 * clipped:.0f} % more pixels clipped", clipped > _MORE_CLIPPED),
        ("exposure worse than before", after.exposure_score < before.exposure_score - 0.5),
        ("out of focus", after.focus_score < _LOW_SCORE),
        (f"still {after.exposure}", after.exposure_score < _LOW_SCORE),
    )
    return QualityCheck(before=before, after=after, findings=tuple(text for text, found in tests if found))
