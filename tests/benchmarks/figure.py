"""A figure: ours against a yardstick, measured in the same run, in interleaved rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Measure = Callable[[Path], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is measured. ``reach``: the ratio to reach, at least or (``at_most``) at most."""

    name: str
    what: str
    yardstick: str
    unit: str
    ours: Measure
    theirs: Measure
    reach: float
    bound: Literal["at least", "at most"] = "at least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians over the rounds; ``ratio`` is ours to the yardstick's."""

    figure: Figure
    ours: float
    theirs: float
    ratio: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is what the figure asks for."""
        if self.figure.bound == "at least":
            return self.ratio >= self.figure.reach
        return self.ratio <= self.figure.reach


def measure(figure: Figure, folder: Path, rounds: int) -> Result:
    """Ours and the yardstick in turn; each round in a folder of its own, so that neither warms the other's files."""
    ours: list[float] = []
    theirs: list[float] = []
    for index in range(rounds):
        for measured, values in ((figure.theirs, theirs), (figure.ours, ours)):
            place = folder / f"{figure.name}-{index}-{'ours' if values is ours else 'yardstick'}"
            place.mkdir()
            values.append(measured(place))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Result(
        figure=figure,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs),
        ratio=statistics.median(ratios),
    )
